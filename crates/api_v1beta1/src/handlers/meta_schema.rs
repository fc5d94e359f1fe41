//! JSON Schemas for metadata (spec v1beta1 2.3.13, 3.15).
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Error, Result};
use portcullis_service::App;
use portcullis_service::meta_schema::{MetaSchemaRef, NewMetaSchema};
use portcullis_wire_v1beta1::DynamicMessage;
use serde_json::{Map, Value};

use super::read::Read;
use super::responses::{
    CreateMetaSchemaResponse, GetMetaSchemaResponse, ListMetaSchemasResponse, UpdateMetaSchemaResponse,
};
use crate::call::{Call, Outcome};

/// `ListMetaSchemas`.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let schemas = app.list_meta_schemas(&call.cx).await?;
    Ok(call.answer::<ListMetaSchemasResponse>(&schemas).into())
}

/// `GetMetaSchema`, by id or name.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let schema = app.get_meta_schema(&call.cx, &which(&request)?).await?;
    Ok(call.answer::<GetMetaSchemaResponse>(&schema).into())
}

/// `CreateMetaSchema`.
pub async fn create(app: App, mut call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = new(&call, &request)?;
    let reply = call.reply::<CreateMetaSchemaResponse>();
    Ok(app.create_meta_schema(&call.cx, new, reply).await?.into())
}

/// `UpdateMetaSchema`.
pub async fn update(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let new = new(&call, &request)?;
    let schema = app.update_meta_schema(&call.cx, &which(&request)?, new).await?;
    Ok(call.answer::<UpdateMetaSchemaResponse>(&schema).into())
}

/// `DeleteMetaSchema` (decision 23).
pub async fn delete(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    app.delete_meta_schema(&call.cx, &which(&request)?).await?;
    Ok(call.empty().into())
}

fn which(request: &DynamicMessage) -> Result<MetaSchemaRef> {
    let text = request.text("id");
    if let Ok(id) = text.parse() {
        return Ok(MetaSchemaRef::Id(id));
    }
    Slug::parse(&text).map(MetaSchemaRef::Name).map_err(|_| Error::not_found("metaschema"))
}

fn new(call: &Call, request: &DynamicMessage) -> Result<NewMetaSchema> {
    let body = request.inner("body").ok_or_else(|| Error::field("body", "This must be there."))?;
    let at = if call.encoding == crate::encoding::Encoding::Rest { "name" } else { "body.name" };
    let name = Slug::parse(&body.text("name")).map_err(|e| Error::field(at, e))?;
    let schema = body.text("schema");
    match serde_json::from_str::<Map<String, Value>>(&schema) {
        Ok(_) => Ok(NewMetaSchema { name, schema }),
        Err(e) => Err(Error::new(Code::InvalidInput, format!("metaschema schema must be a JSON object: {e}"))),
    }
}
