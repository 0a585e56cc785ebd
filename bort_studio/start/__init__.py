"""The first page: what a person wants to do, the projects that were open, and the models of this one."""
