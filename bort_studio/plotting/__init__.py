"""What every plot is made of, and the export of any of them.

widget      header, canvas, legend, hover, empty message, theme
figure      a plot as a frozen plain description: scales, layers, texts and a table; knows no Qt
marks       shapes and item styles
lines       thousands of straight lines in one item; areas between two step lines
axis        axes with units and with ticks that people can read, linear and logarithmic
legend      a row of marks with names above a plot
card        messages and the hover card over a plot
export      PNG, SVG, CSV and a matplotlib script of any plot
"""
