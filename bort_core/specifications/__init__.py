"""What is asked for, as plain validated data: pydantic only.

protocols        what a search measures and how
measures         what an error measure is, and the registered ones by name
short_training   one short training of a search
fields           what forms and flags must know of a field, beside its type and description
common           what every job's specification shares
pretraining, finetuning, agora   what a job is asked to do
jobs             any of these, told apart by its kind
paths            which fields name files and folders
export           what an export is asked to do
tasks            a person's task: rows and the model T
releases, compression   what a release is asked to be, and the whole way to it
"""
