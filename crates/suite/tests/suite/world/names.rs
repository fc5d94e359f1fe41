//! The DNS as a test wants it to be.
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

use portcullis_domain::dns::{Dns, Lookup, Unresolved};

/// Names with their TXT records; all others do not exist.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<Inner>>);
#[derive(Default)]
struct Inner {
    records: BTreeMap<String, Vec<String>>,
    silent: bool,
    asked: Vec<String>,
}
impl Names {
    /// The records of a name from now on.
    pub fn set(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|r| (*r).to_owned()).collect();
        self.0.lock().unwrap().records.insert(name.into(), records);
    }
    /// The name is gone.
    pub fn remove(&self, name: &str) {
        self.0.lock().unwrap().records.remove(name);
    }
    /// Do the name servers answer nobody?
    pub fn silence(&self, silent: bool) {
        self.0.lock().unwrap().silent = silent;
    }
    /// What was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}
impl Dns for Names {
    fn txt<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        let mut inner = self.0.lock().unwrap();
        inner.asked.push(name.into());
        let answer = match inner.records.get(name) {
            _ if inner.silent => Err(Unresolved::Unavailable("nobody answers".into())),
            Some(records) => Ok(records.clone()),
            None => Err(Unresolved::NoSuchHost),
        };
        Box::pin(ready(answer))
    }
}
