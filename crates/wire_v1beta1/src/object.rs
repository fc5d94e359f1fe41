//! Writing the JSON of a message by hand, for the few that are written often.
//!
//! The writer keeps the rules of [`Zeros`], so that a view lists its fields once and is right on both surfaces. A view equals
//! what the descriptor would write; `tests/views.rs` proves it for each.
use portcullis_domain::Timestamp;
use serde_json::{Map, Value};

use crate::{Zeros, timestamp};

/// A message that writes itself.
pub trait View {
    /// Writes its fields in order.
    fn write(&self, object: &mut Object<'_>);
}

/// A JSON object in the making.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    zeros: Zeros,
    begun: bool,
}

/// The JSON of a view.
pub fn write(view: &impl View, zeros: Zeros) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write_object(view, zeros, &mut out);
    out
}

fn write_object(view: &impl View, zeros: Zeros, out: &mut Vec<u8>) {
    out.push(b'{');
    view.write(&mut Object { out, zeros, begun: false });
    out.push(b'}');
}

impl Object<'_> {
    fn name(&mut self, name: &'static str) {
        if self.begun {
            self.out.push(b',');
        }
        self.begun = true;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
    fn skips(&self, zero: bool) -> bool {
        zero && self.zeros == Zeros::LeftOut
    }
    fn json(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        let _ = serde_json::to_writer(&mut *self.out, value); // a Vec takes everything
    }
    /// A string.
    pub fn text(&mut self, name: &'static str, value: &str) {
        if !self.skips(value.is_empty()) {
            self.name(name);
            self.json(value);
        }
    }
    /// An id or anything else that prints itself without characters that JSON escapes, and is never empty.
    pub fn id(&mut self, name: &'static str, value: impl std::fmt::Display) {
        use std::io::Write;
        self.name(name);
        let _ = write!(self.out, "\"{value}\""); // a Vec takes everything
    }
    /// A 32-bit number.
    pub fn number(&mut self, name: &'static str, value: u32) {
        if !self.skips(value == 0) {
            self.name(name);
            self.json(&value);
        }
    }
    /// A 64-bit number, which JSON tells as text.
    pub fn long(&mut self, name: &'static str, value: i64) {
        if !self.skips(value == 0) {
            self.id(name, value);
        }
    }
    /// True or false.
    pub fn flag(&mut self, name: &'static str, value: bool) {
        if !self.skips(!value) {
            self.name(name);
            self.json(&value);
        }
    }
    /// A moment that is there.
    pub fn time(&mut self, name: &'static str, value: Timestamp) {
        self.name(name);
        timestamp::write(value, self.out);
    }
    /// A moment or nothing.
    pub fn maybe_time(&mut self, name: &'static str, value: Option<Timestamp>) {
        match value {
            Some(value) => self.time(name, value),
            None => self.absent(name),
        }
    }
    /// A `Struct` that is there, even when empty.
    pub fn structure(&mut self, name: &'static str, value: &Map<String, Value>) {
        self.name(name);
        self.json(value);
    }
    /// A message that is there.
    pub fn message(&mut self, name: &'static str, value: &impl View) {
        self.name(name);
        write_object(value, self.zeros, self.out);
    }
    /// A message that is not there.
    pub fn absent(&mut self, name: &'static str) {
        if !self.skips(true) {
            self.name(name);
            self.out.extend_from_slice(b"null");
        }
    }
    /// A list of messages.
    pub fn list<V: View>(&mut self, name: &'static str, values: impl IntoIterator<Item = V>) {
        let mut values = values.into_iter().peekable();
        if self.skips(values.peek().is_none()) {
            return;
        }
        self.name(name);
        self.out.push(b'[');
        for (i, v) in values.enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            write_object(&v, self.zeros, self.out);
        }
        self.out.push(b']');
    }
    /// A map of strings.
    pub fn map(&mut self, name: &'static str, entries: &std::collections::BTreeMap<String, String>) {
        if !self.skips(entries.is_empty()) {
            self.name(name);
            self.json(entries);
        }
    }
    /// A list of strings.
    pub fn texts(&mut self, name: &'static str, values: &[&str]) {
        if !self.skips(values.is_empty()) {
            self.name(name);
            self.json(values);
        }
    }
}
impl<V: View + ?Sized> View for &V {
    fn write(&self, object: &mut Object<'_>) {
        (**self).write(object);
    }
}
