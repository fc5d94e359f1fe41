//! Permission checks (spec v1beta1 2.3.2, 5.6).
use portcullis_domain::{Error, Result};
use portcullis_service::App;
use portcullis_service::check::{Checked, Question};
use portcullis_wire_v1beta1::{DynamicMessage, Object, View};

use super::read::Read;
use crate::call::{Call, Outcome, Response};

/// `CheckResourcePermission`. Old clients send namespace and id apart.
pub async fn check(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let mut resource = request.text("resource");
    if resource.is_empty() {
        resource = format!("{}:{}", request.text("object_namespace"), request.text("object_id"));
    }
    let question = Question { at: "resource".into(), resource, permission: request.text("permission") };
    let checked = app.check(&call.cx, &[question]).await?;
    let status = checked.iter().all(|c| c.status);
    Ok(call.answer::<CheckResourcePermissionResponse>(&status).into())
}

/// `BatchCheckPermission`.
pub async fn batch(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let questions: Vec<Question> = request
        .inners("bodies")
        .iter()
        .enumerate()
        .map(|(i, body)| Question {
            at: format!("bodies[{i}].resource"),
            resource: body.text("resource"),
            permission: body.text("permission"),
        })
        .collect();
    let checked = app.check(&call.cx, &questions).await?;
    Ok(call.answer::<BatchCheckPermissionResponse>(&checked).into())
}

/// `CheckFederatedResourcePermission`.
pub async fn federated(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let subject = request.text("subject");
    if subject.is_empty() {
        return Err(Error::field("subject", "subject/object should be provided as 'namespace:uuid'"));
    }
    let question =
        Question { at: "resource".into(), resource: request.text("resource"), permission: request.text("permission") };
    let status = app.check_for(&call.cx, &subject, question).await?;
    Ok(call.answer::<CheckFederatedResourcePermissionResponse>(&status).into())
}

macro_rules! status {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = bool;
            const MESSAGE: &'static str = stringify!($name);
            fn write(status: &bool, object: &mut Object<'_>) {
                object.flag("status", *status);
            }
        }
    };
}
status!(/** Yes or no. */ CheckResourcePermissionResponse);
status!(/** Yes or no. */ CheckFederatedResourcePermissionResponse);

/// Each question in its normal form, with its answer (spec v1beta1 part 11, 5).
pub struct BatchCheckPermissionResponse;
impl Response for BatchCheckPermissionResponse {
    type Of = [Checked];
    const MESSAGE: &'static str = "BatchCheckPermissionResponse";
    fn write(checked: &[Checked], object: &mut Object<'_>) {
        object.list("pairs", checked.iter().map(Pair));
    }
}
struct Pair<'a>(&'a Checked);
impl View for Pair<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.message("body", &Body(self.0));
        object.flag("status", self.0.status);
    }
}
struct Body<'a>(&'a Checked);
impl View for Body<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("permission", &self.0.permission);
        object.text("resource", &self.0.resource);
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        for status in [true, false] {
            proves::<CheckResourcePermissionResponse>(&status);
            proves::<CheckFederatedResourcePermissionResponse>(&status);
            let checked = Checked { resource: "app/project:x".into(), permission: "get".into(), status };
            proves::<BatchCheckPermissionResponse>(&[checked]);
        }
        proves::<BatchCheckPermissionResponse>(&[]);
    }
}
