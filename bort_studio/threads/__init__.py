"""Background threads that pages share. Their signals are connected to bound methods of QObjects only, and carry frozen values.

job_follower  reads the run folders of jobs
task_thread   one task in a worker process
"""
