//! Prospects as this API shows them.
use portcullis_domain::prospect::Prospect;
use portcullis_wire_v1beta1::{Object, View};

use super::responses::Group;
use crate::call::Response;
use crate::rql::Found;

struct ProspectView<'a>(&'a Prospect);
impl View for ProspectView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let (p, c) = (self.0, &self.0.content);
        object.id("id", p.id);
        object.text("name", &c.name);
        object.text("email", &c.email);
        object.text("phone", &c.phone);
        object.text("activity", &c.activity);
        object.text("status", c.status.name());
        object.time("changed_at", p.changed_at);
        object.text("source", &c.source);
        object.flag("verified", c.verified);
        object.time("created_at", p.created_at);
        object.time("updated_at", p.updated_at);
        object.structure("metadata", &c.metadata);
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Prospect;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Prospect, object: &mut Object<'_>) {
                object.message("prospect", &ProspectView(of));
            }
        }
    };
}
one!(/** The made prospect. */ CreateProspectResponse);
one!(/** The prospect. */ GetProspectResponse);
one!(/** The prospect as it is now. */ UpdateProspectResponse);

/// What a search found, and how many there are on all pages.
pub struct Prospected {
    /// The page.
    pub found: Found<Prospect>,
    /// On all pages.
    pub total: usize,
}
/// The page.
pub struct ListProspectsResponse;
impl Response for ListProspectsResponse {
    type Of = Prospected;
    const MESSAGE: &'static str = "ListProspectsResponse";
    fn write(of: &Prospected, object: &mut Object<'_>) {
        object.list("prospects", of.found.rows.iter().map(ProspectView));
        object.message("pagination", &Pages(of));
        match &of.found.groups {
            Some((name, groups)) => object.message("group", &Group(name, groups)),
            None => object.absent("group"),
        }
    }
}
struct Pages<'a>(&'a Prospected);
impl View for Pages<'_> {
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
    use portcullis_domain::prospect::{Content, Status};
    use portcullis_domain::value::Email;
    use portcullis_domain::{Id, Timestamp};

    #[test]
    fn every_answer_is_its_message() {
        for status in Status::ALL {
            let now = Timestamp::from_micros(1);
            let content = Content {
                name: String::new(),
                email: Email::stored("ada@example.com"),
                phone: String::new(),
                activity: "newsletter".into(),
                status,
                source: String::new(),
                verified: status == Status::Subscribed,
                metadata: serde_json::Map::new(),
            };
            let id = Id::from_uuid(uuid::Uuid::nil());
            let prospect = Prospect { id, content, changed_at: now, created_at: now, updated_at: now };
            proves::<CreateProspectResponse>(&prospect);
            proves::<GetProspectResponse>(&prospect);
            proves::<UpdateProspectResponse>(&prospect);
            for groups in [None, Some(("verified".to_owned(), vec![("true".to_owned(), 2)]))] {
                let rows = vec![prospect.clone()];
                proves::<ListProspectsResponse>(&Prospected {
                    found: Found { rows, groups, offset: 0, limit: 5 },
                    total: 1,
                });
            }
        }
        proves::<ListProspectsResponse>(&Prospected {
            found: Found { rows: vec![], groups: None, offset: 1, limit: 0 },
            total: 0,
        });
    }
}
