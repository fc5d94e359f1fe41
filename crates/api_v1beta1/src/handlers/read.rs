//! Reading a request message's fields.
use portcullis_domain::Timestamp;
use portcullis_wire_v1beta1::DynamicMessage;

/// Fields by name; what is not there reads as its zero.
pub trait Read {
    /// A string.
    fn text(&self, name: &str) -> String;
    /// A number that is not negative.
    fn size(&self, name: &str) -> usize;
    /// Yes or no.
    fn flag(&self, name: &str) -> bool;
    /// A moment.
    fn moment(&self, name: &str) -> Option<Timestamp>;
    /// A message inside.
    fn inner(&self, name: &str) -> Option<DynamicMessage>;
    /// A list of strings.
    fn texts(&self, name: &str) -> Vec<String>;
    /// A list of messages.
    fn inners(&self, name: &str) -> Vec<DynamicMessage>;
}
impl Read for DynamicMessage {
    fn text(&self, name: &str) -> String {
        self.get_field_by_name(name).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
    fn size(&self, name: &str) -> usize {
        let Some(value) = self.get_field_by_name(name) else { return 0 };
        let number = value.as_i32().map(i64::from).or_else(|| value.as_u32().map(i64::from)).or_else(|| value.as_i64());
        number.and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }
    fn flag(&self, name: &str) -> bool {
        self.get_field_by_name(name).and_then(|v| v.as_bool()).unwrap_or(false)
    }
    fn moment(&self, name: &str) -> Option<Timestamp> {
        let moment = self.inner(name)?;
        let seconds = moment.get_field_by_name("seconds").and_then(|v| v.as_i64()).unwrap_or(0);
        let nanos = moment.get_field_by_name("nanos").and_then(|v| v.as_i32()).unwrap_or(0);
        Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1_000))))
    }
    fn inner(&self, name: &str) -> Option<DynamicMessage> {
        if !self.has_field_by_name(name) {
            return None;
        }
        self.get_field_by_name(name)?.as_message().cloned()
    }
    fn texts(&self, name: &str) -> Vec<String> {
        let Some(value) = self.get_field_by_name(name) else { return vec![] };
        value.as_list().unwrap_or_default().iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }
    fn inners(&self, name: &str) -> Vec<DynamicMessage> {
        let Some(value) = self.get_field_by_name(name) else { return vec![] };
        value.as_list().unwrap_or_default().iter().filter_map(|v| v.as_message().cloned()).collect()
    }
}
