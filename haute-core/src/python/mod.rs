//! Python: interpreters, environments made from a lock, and the runtime package every release carries.
