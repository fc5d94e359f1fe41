//! Permissions and namespaces (spec v1beta1 2.3.11, 3.7).
use portcullis_domain::permission::PermissionKey;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::App;
use portcullis_service::permission::NewPermission;
use portcullis_wire_v1beta1::DynamicMessage;

use super::body::Body;
use super::permission_view::{
    CreatePermissionResponse, GetNamespaceResponse, GetPermissionResponse, ListNamespacesResponse,
    ListPermissionsResponse, UpdatePermissionResponse,
};
use super::read::Read;
use crate::call::{Call, Outcome};

/// `ListPermissions`: the built-in ones first.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let permissions = app.list_permissions(&call.cx).await?;
    Ok(call.answer::<ListPermissionsResponse>(&permissions).into())
}

/// `GetPermission`, by id or slug.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let permission = app.get_permission(&call.cx, request.text("id")).await?;
    Ok(call.answer::<GetPermissionResponse>(&permission).into())
}

/// `CreatePermission`: a list of them; what is there already stays as it is.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = request.inners("bodies").into_iter().enumerate().map(|(i, body)| new(body, i)).collect();
    let reply = call.reply::<CreatePermissionResponse>();
    Ok(app.create_permissions(&call.cx, new, reply).await?.into())
}

/// `UpdatePermission`: its metadata, nothing else.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let metadata = Body::of(&call, &request).and_then(|mut body| {
        // what it is called never changes; a key that is none is a mistake nevertheless
        let called = ["key", "name", "namespace"].iter().any(|field| !body.text(field).is_empty());
        if called {
            key(&mut body)?;
        }
        let metadata = body.metadata();
        body.finish(Some(metadata))
    });
    let permission = app.update_permission(&call.cx, request.text("id"), metadata).await?;
    Ok(call.answer::<UpdatePermissionResponse>(&permission).into())
}

/// `DeletePermission`: from roles too.
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_permission(&call.cx, request.text("id")).await?;
    Ok(call.empty().into())
}

/// `ListNamespaces`.
pub async fn list_namespaces(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let namespaces = app.list_namespaces(&call.cx).await?;
    Ok(call.answer::<ListNamespacesResponse>(&namespaces).into())
}

/// `GetNamespace`, by id or name.
pub async fn get_namespace(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let namespace = app.get_namespace(&call.cx, request.text("id")).await?;
    Ok(call.answer::<GetNamespaceResponse>(&namespace).into())
}

fn new(body: DynamicMessage, i: usize) -> Result<NewPermission> {
    let mut body = Body::item(body, format!("bodies[{i}]."));
    let (key, title, metadata) = (key(&mut body)?, body.title(), body.metadata());
    body.finish(key.map(|key| NewPermission { key, title, metadata }))
}

/// `key`, or the older `namespace` and `name`.
fn key(body: &mut Body) -> Result<Option<PermissionKey>> {
    let sent = body.text("key");
    let (field, key) = match sent.is_empty() {
        true => ("name", PermissionKey::of(&body.text("namespace"), &body.text("name"))),
        false => ("key", PermissionKey::parse(&sent)),
    };
    match key {
        Ok(key) => Ok(Some(key)),
        // this text stands alone in the contract (spec 6.2)
        Err(PermissionKey::NOTATION) => Err(Error::new(Code::InvalidInput, PermissionKey::NOTATION)),
        Err(e) => {
            body.wrong(field, e);
            Ok(None)
        }
    }
}
