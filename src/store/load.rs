//! Loading an organisation.
