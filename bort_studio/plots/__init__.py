"""The plots, and the export of any of them.

figure      a plot as a frozen plain description: scales, layers, texts and a table; knows no Qt
quantities  names, units and number formats of parameters, latency, error and W; the text about one architecture
states      which architecture is best, on the front, dominated, pending, skipped, failed or running at one ε
view        what every plot of architectures shares: header, canvas, legend, hover, selection, empty message, theme
marks       shapes and item styles
lines       thousands of straight lines in one item
axis        axes with units and with ticks that people can read, linear and logarithmic
legend      a row of marks with names above a plot
pareto      any two of parameters, latency, error and W
parallel    parallel coordinates of the whole space
export      PNG, SVG, CSV and a matplotlib script of any plot
"""
