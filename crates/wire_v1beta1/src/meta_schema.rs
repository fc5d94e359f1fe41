//! `MetaSchema` and the body that makes one.
use portcullis_domain::meta_schema::MetaSchema;

use crate::object::{Object, View};

/// A JSON Schema for metadata, as this API shows it.
#[derive(Clone, Copy, Debug)]
pub struct MetaSchemaView<'a>(pub &'a MetaSchema);
impl View for MetaSchemaView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let schema = self.0;
        object.id("id", schema.id);
        object.text("name", &schema.name);
        object.text("schema", &schema.schema);
        object.time("created_at", schema.created_at);
        object.time("updated_at", schema.updated_at);
    }
}
