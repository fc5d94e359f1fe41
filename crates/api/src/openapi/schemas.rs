//! The schemas of the document, in the notation of [`super::notation`].
use serde_json::{Map, Value};

use super::answers::ANSWERS;
use super::notation::object;
use super::requests::{FLAT, REQUESTS, RULE};

/// All schemas by name.
pub fn all() -> Map<String, Value> {
    let answers = ANSWERS.iter().map(|(name, about, lines)| ((*name).to_owned(), object(about, lines, true)));
    let requests = REQUESTS.iter().map(|(name, about, lines)| ((*name).to_owned(), object(about, lines, false)));
    let flat = ("FlatRule".to_owned(), object("A policy with one rule.", &[FLAT, RULE].concat(), false));
    answers.chain(requests).chain([flat]).collect()
}
