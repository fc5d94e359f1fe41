//! The parts of the contract that this version does not have yet: they answer 501, not 404, so that a client knows that the
//! path is right. Behind a credential like the rest, but for what has none.
use axum::response::Response;
use portcullis_domain::{Code, Error, Result};

use crate::call::{Call, Visit};
use crate::op::{Access, Body, Op, Route, Shape, Verb};
use Verb::{Delete, Get, Patch, Post, Put};

/// Path, and the methods that it will have.
type Row = (&'static str, &'static [Verb]);

/// With credential and tenant.
const ROWS: &[Row] = &[
    ("/v1/identity-providers/{id}/sync", &[Post]),
    ("/v1/api-keys/{id}/rotate", &[Post]),
    ("/v1/tenants/{id}", &[Delete]),
    ("/v1/requests", &[Get, Post]),
    ("/v1/requests/{id}", &[Get]),
    ("/v1/requests/{id}/approve", &[Post]),
    ("/v1/requests/{id}/deny", &[Post]),
    ("/v1/requests/{id}/cancel", &[Post]),
    ("/v1/requests/{id}/messages", &[Get, Post]),
    ("/v1/access/ensure", &[Post]),
    ("/v1/access/requests/{id}", &[Get]),
    ("/v1/access/entitlements", &[Get]),
    ("/v1/grants", &[Get, Post]),
    ("/v1/grants/{id}", &[Get, Patch, Delete]),
    ("/v1/grants/{id}/extend", &[Post]),
    ("/v1/grants/{id}/activity/summary", &[Get]),
    ("/v1/grants/{id}/activity", &[Get, Post]),
    ("/v1/grants/{id}/ssh-certificate", &[Post]),
    ("/v1/policies/preview", &[Post]),
    ("/v1/aws/organizational-units", &[Get, Put]),
    ("/v1/aws/permission-sets", &[Get, Put]),
    ("/v1/aws/accounts", &[Get, Put]),
    ("/v1/aws/s3-buckets", &[Get, Put]),
    ("/v1/aws/rds-instances", &[Get, Put]),
    ("/v1/aws/ec2-instances", &[Get, Put]),
    ("/v1/resources", &[Get, Put]),
    ("/v1/integrations/aws-identity-center/config", &[Get, Put, Delete]),
    ("/v1/integrations/aws-identity-center/test", &[Post]),
    ("/v1/integrations/aws-identity-center/bootstrap-template", &[Post]),
    ("/v1/integrations/aws-identity-center/external-id", &[Get]),
    ("/v1/integrations/aws-identity-center/external-id/rotate", &[Post]),
    ("/v1/integrations/aws-identity-center/external-id/commit", &[Post]),
    ("/v1/integrations/aws-identity-center/external-id/cancel", &[Post]),
    ("/v1/integrations", &[Get, Post]),
    ("/v1/integrations/{id}", &[Get, Put, Delete]),
    ("/v1/integrations/{id}/test", &[Post]),
    ("/v1/notification-channels/slack-webhook", &[Post]),
    ("/v1/notification-channels/generic-webhook", &[Post]),
    ("/v1/notification-channels/aws-sns", &[Post]),
    ("/v1/notification-channels/email", &[Post]),
    ("/v1/notification-channels/slack-bot", &[Post]),
    ("/v1/notification-channels", &[Get]),
    ("/v1/notification-channels/{id}", &[Get, Put, Delete]),
    ("/v1/notification-channels/{id}/test", &[Post]),
    ("/v1/notification-channels/{id}/rotate-secret", &[Post]),
    ("/v1/notification-channels/{id}/deliveries", &[Get]),
    ("/v1/notification-channels/{id}/deliveries/{delivery_id}/redeliver", &[Post]),
    ("/v1/notification-events", &[Get]),
    ("/v1/reviews", &[Get]),
    ("/v1/reviews/{id}", &[Get]),
    ("/v1/reviews/{id}/complete", &[Post]),
];

/// Without a credential.
const OPEN_ROWS: &[Row] = &[("/v1/integrations/{id}/ssh-ca", &[Get]), ("/v1/integrations/{id}/ssh-krl", &[Get])];

/// All of them; the operations live as long as the process.
pub(crate) fn routes() -> Vec<Route> {
    static OPS: std::sync::LazyLock<Vec<(Op, bool)>> = std::sync::LazyLock::new(|| {
        let closed = ROWS.iter().map(|row| (row, Access::Tenant));
        let open = OPEN_ROWS.iter().map(|row| (row, Access::Auth));
        let each =
            closed.chain(open).flat_map(|((path, verbs), access)| verbs.iter().map(move |v| (*path, *v, access)));
        each.map(|(path, verb, access)| (op(path, verb, access), access == Access::Tenant)).collect()
    });
    let closed = |_: Call| async { not_yet() };
    let open = |_: Visit| async { not_yet() };
    OPS.iter().map(|(op, needs)| if *needs { op.to(closed) } else { op.open(open) }).collect()
}

fn op(path: &'static str, verb: Verb, access: Access) -> Op {
    let answer = (501, Shape::Empty);
    Op { verb, access, ..Op::post(path, "", "", "Not part of this version.", Body::None, answer) }
}

fn not_yet() -> Result<Response> {
    Err(Error::new(Code::NotImplemented, "This server's version does not have this part of the API yet."))
}
