//! `ServiceUser`: a machine as this API shows it.
use portcullis_domain::Timestamp;

use crate::object::{Object, View};

/// A service user. The organization is empty for those that `/v1` made (decision 13).
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields of the message")]
pub struct ServiceUserView {
    pub id: String,
    pub title: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub state: &'static str,
    pub org_id: String,
}
impl View for ServiceUserView {
    fn write(&self, object: &mut Object<'_>) {
        object.text("id", &self.id);
        object.text("title", &self.title);
        object.absent("metadata");
        object.maybe_time("created_at", self.created_at);
        object.maybe_time("updated_at", self.updated_at);
        object.text("state", self.state);
        object.text("org_id", &self.org_id);
    }
}
