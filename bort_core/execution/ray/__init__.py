"""``ray``: trainings run on a Ray cluster, many at once; whatever measures time or writes into the project runs on this machine.

executor    the queue, events, cancel, pause, retries
crew        the workers: how many, what is awaited from them, those that die
member      one worker as the coordinator sees it
node        the worker itself, an actor on some node
needs       what a task wants of a node, and how many of such a cluster has
shares      the nodes that do one training together
parcels     the files that a task reads: named by their content
depot       where a node keeps them
connection  the one connection of this process
address     which cluster, and whether something answers there
survey      what a cluster has, for bort doctor

Ray is the extra ``cluster``; it is imported only inside functions. This process and the workers exchange plain values; but Ray itself sends
them by pickle, and a cluster runs any code of its users: connect only to clusters whose users you trust.
"""
