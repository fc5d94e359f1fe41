//! What decides fast says what plainer oracles say: the rules alone (`requests`), the access graph alone (`graph`), and both
//! together (`checks`).
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests stop where they cannot go on")]
mod access;
mod cedar;
mod checks;
mod facts;
mod graph;
mod policies;
mod requests;
mod table;
mod words;
