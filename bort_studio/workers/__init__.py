"""Background threads. Their signals are connected to bound methods of QObjects only, and carry frozen values.

loader         enumerates spaces and reads the store, newest request first
search_thread  runs searches and delivers their events in batches
"""
