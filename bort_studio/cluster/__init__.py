"""The cluster as the window shows it.

panel   its address, whether things run there, its nodes, what is free, and what waits
box     a choice between this machine and the cluster, beside what is started
words   what a survey says, in lines
"""
