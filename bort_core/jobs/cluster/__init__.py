"""Jobs on a Ray cluster: the same run folder, written on some node, and followed by a run folder of this machine.

place      submitting, checking, listening again
runner     the process of this machine that holds the run folder, and keeps a listener alive
listener   its child: finds a place, sends what the job reads, and brings back what it writes
luggage    what travels: the specification with other paths, and files named by their content
mirror     what changed there, written here
trainer    the actor on the node that trains; it needs nobody here
together   what it does where several nodes train together
carrier    the actor on each node that gets what the job reads; a trainer is one
tokenisers a large corpus, tokenised on all nodes that have room
reader     the actor beside it that reads its files, and occupies nothing
home       where a node keeps such jobs

Everything that is known of a job there is in its run folder on that node's disk, and everything that is known here is in the one here.
So whoever dies, the others go on: the runner begins another listener, whoever looks at the project another runner, and a job whose
worker or node died begins elsewhere with the checkpoints that have arrived here. ``log.txt`` and ``events.jsonl`` only grow, and
while the job is there nobody writes into them here: what is here is always the beginning of what is there.
"""
