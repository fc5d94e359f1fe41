//! JSON Schemas for metadata (spec v1beta1 3.15).
use crate::id::Id;
use crate::time::Timestamp;
use crate::value::Slug;

/// A named JSON Schema of a tenant.
#[derive(Clone, Debug)]
pub struct MetaSchema {
    /// Its id.
    pub id: Id<MetaSchema>,
    /// Unique in the tenant; `user` binds the metadata of users on both surfaces (decision 3).
    pub name: Slug,
    /// The JSON text of a JSON-Schema object.
    pub schema: String,
    /// Made when.
    pub created_at: Timestamp,
    /// Changed when.
    pub updated_at: Timestamp,
}

/// The built-in ones: they cannot be deleted (decision 23).
pub const BUILT_IN: [&str; 5] = ["user", "group", "organization", "role", "prospect"];

/// The text of a built-in one: `label` is a map of strings, `description` a string; only `prospect` refuses more.
pub fn built_in(name: &str) -> String {
    serde_json::json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": format!("{name} metadata"),
        "type": "object",
        "properties": {
            "label": { "type": "object", "additionalProperties": { "type": "string" } },
            "description": { "type": "string" }
        },
        "additionalProperties": name != "prospect"
    })
    .to_string()
}
