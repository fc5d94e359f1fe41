//! Audit records as this API shows them.
use portcullis_service::audit_record::{AuditRecord, Party};
use portcullis_wire_v1beta1::{Object, View};

use super::audit_record::org_id;
use super::responses::Group;
use crate::call::Response;
use crate::rql;

struct Record<'a>(&'a AuditRecord);
impl View for Record<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let r = self.0;
        object.id("id", r.id);
        object.message("actor", &Actor(&r.actor));
        object.text("event", &r.event);
        object.message("resource", &Thing(&r.resource));
        match &r.target {
            Some(target) => object.message("target", &Thing(target)),
            None => object.absent("target"),
        }
        object.time("occurred_at", r.occurred_at);
        object.text("org_id", &org_id(r));
        object.text("org_name", &r.org_name);
        object.text("request_id", &r.request_id);
        object.structure("metadata", &r.metadata);
        object.time("created_at", r.created_at);
    }
}
struct Actor<'a>(&'a Party);
impl View for Actor<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("id", &self.0.id);
        object.text("type", &self.0.kind);
        object.text("name", &self.0.name);
        object.text("title", &self.0.title);
        object.structure("metadata", &self.0.metadata);
    }
}
struct Thing<'a>(&'a Party);
impl View for Thing<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("id", &self.0.id);
        object.text("type", &self.0.kind);
        object.text("name", &self.0.name);
        object.structure("metadata", &self.0.metadata);
    }
}

/// The record as it was written.
pub struct CreateAuditRecordResponse;
impl Response for CreateAuditRecordResponse {
    type Of = AuditRecord;
    const MESSAGE: &'static str = "CreateAuditRecordResponse";
    fn write(of: &AuditRecord, object: &mut Object<'_>) {
        object.message("audit_record", &Record(of));
    }
}

/// What a search found, and how many match in all.
pub struct Found {
    /// The page.
    pub found: rql::Found<AuditRecord>,
    /// Without offset and limit.
    pub total: usize,
}
/// A page of records.
pub struct ListAuditRecordsResponse;
impl Response for ListAuditRecordsResponse {
    type Of = Found;
    const MESSAGE: &'static str = "ListAuditRecordsResponse";
    fn write(of: &Found, object: &mut Object<'_>) {
        object.list("audit_records", of.found.rows.iter().map(Record));
        object.message("pagination", &Pagination(of));
        match &of.found.groups {
            Some((name, groups)) => object.message("group", &Group(name, groups)),
            None => object.absent("group"),
        }
    }
}
struct Pagination<'a>(&'a Found);
impl View for Pagination<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        object.number("offset", number(self.0.found.offset));
        object.number("limit", number(self.0.found.limit));
        object.number("total_count", number(self.0.total));
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::Timestamp;

    #[test]
    fn every_answer_is_its_message() {
        let party = Party { id: "x".into(), kind: "app/user".into(), title: "X".into(), ..Party::default() };
        let record = AuditRecord {
            id: uuid::Uuid::nil(),
            actor: party.clone(),
            event: "organization.create".into(),
            resource: party.clone(),
            target: Some(party),
            occurred_at: Timestamp::from_micros(1),
            org_id: None,
            org_name: String::new(),
            request_id: "r".into(),
            metadata: serde_json::Map::new(),
            created_at: Timestamp::from_micros(1),
            idempotency_key: String::new(),
        };
        proves::<CreateAuditRecordResponse>(&record);
        proves::<CreateAuditRecordResponse>(&AuditRecord { target: None, ..record.clone() });
        for groups in [None, Some(("event".to_owned(), vec![("x".to_owned(), 1)]))] {
            let found = rql::Found { rows: vec![record.clone()], groups, offset: 0, limit: 5 };
            proves::<ListAuditRecordsResponse>(&Found { found, total: 7 });
        }
    }
}
