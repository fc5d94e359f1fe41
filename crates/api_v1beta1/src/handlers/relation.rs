//! Relations: single edges of the access graph (spec v1beta1 2.3.10, 3.8).
use portcullis_domain::relation::Relation;
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::relation::NamedRelation;
use portcullis_wire_v1beta1::{DynamicMessage, Object, View};

use super::read::Read;
use crate::call::{Call, Outcome, Response};

/// `CreateRelation`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = request.inner("body").ok_or_else(|| Error::field("body", "This must be there.")).map(|body| named(&body));
    let reply = call.reply::<CreateRelationResponse>();
    Ok(app.create_relation(&call.cx, new, reply).await?.into())
}

/// `GetRelation`.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let relation = app.get_relation(&call.cx, &request.text("id")).await?;
    Ok(call.answer::<GetRelationResponse>(&relation).into())
}

/// `DeleteRelation`, by what it says.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_relation(&call.cx, Ok(named(&request))).await?;
    Ok(call.empty().into())
}

/// `ListRelations`.
pub async fn list(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let all = app.list_relations(&call.cx, &request.text("object"), &request.text("subject")).await?;
    Ok(call.answer::<ListRelationsResponse>(&all).into())
}

fn named(of: &DynamicMessage) -> NamedRelation {
    NamedRelation {
        object: of.text("object"),
        relation: of.text("relation"),
        subject: of.text("subject"),
        sub_relation: of.text("subject_sub_relation"),
    }
}

struct RelationView<'a>(&'a Relation);
impl View for RelationView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let r = self.0;
        object.id("id", r.id);
        object.time("created_at", r.created_at);
        object.time("updated_at", r.updated_at);
        object.text("subject_sub_relation", r.sub_relation);
        object.text("relation", r.relation);
        object.text("object", &r.object);
        object.text("subject", &r.subject);
    }
}
macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Relation;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Relation, object: &mut Object<'_>) {
                object.message("relation", &RelationView(of));
            }
        }
    };
}
one!(/** The relation that was made, or was there already. */ CreateRelationResponse);
one!(/** The relation. */ GetRelationResponse);

/// Relations.
pub struct ListRelationsResponse;
impl Response for ListRelationsResponse {
    type Of = [Relation];
    const MESSAGE: &'static str = "ListRelationsResponse";
    fn write(relations: &[Relation], object: &mut Object<'_>) {
        object.list("relations", relations.iter().map(RelationView));
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::Timestamp;
    use portcullis_domain::relation::RelationId;
    use uuid::Uuid;

    #[test]
    fn every_answer_is_its_message() {
        for sub_relation in ["", "member"] {
            let relation = Relation {
                id: RelationId::Bearer(Uuid::nil()),
                object: format!("app/rolebinding:{}", Uuid::nil()),
                relation: "bearer",
                subject: format!("app/group:{}", Uuid::nil()),
                sub_relation,
                created_at: Timestamp::from_micros(1),
                updated_at: Timestamp::from_micros(1),
            };
            proves::<CreateRelationResponse>(&relation);
            proves::<GetRelationResponse>(&relation);
            proves::<ListRelationsResponse>(&[relation]);
        }
        proves::<ListRelationsResponse>(&[]);
    }
}
