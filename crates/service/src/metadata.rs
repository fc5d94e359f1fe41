//! Metadata against the tenant's JSON Schemas (spec v1beta1 3.15).
use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use portcullis_domain::meta_schema::{BUILT_IN, MetaSchema, built_in};
use portcullis_domain::{Error, FieldError, Result};
use serde_json::{Map, Value};

use crate::meta_schema::validator;

/// The compiled schemas that bind metadata, by their names.
#[derive(Debug, Default)]
pub(crate) struct Schemas(HashMap<&'static str, Schema>);

#[derive(Debug)]
enum Schema {
    /// As every tenant begins with it: all of them share what it compiles to.
    BuiltIn(&'static str),
    Own(Validator),
}
impl Schema {
    fn validator(&self) -> Option<&Validator> {
        static BUILT_INS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
            let compiled = |name: &'static str| Some((name, validator(&built_in(name)).ok()?));
            BUILT_IN.iter().filter_map(|name| compiled(name)).collect()
        });
        match self {
            Self::BuiltIn(name) => BUILT_INS.get(name),
            Self::Own(own) => Some(own),
        }
    }
}

impl Schemas {
    /// Compiles those that bind something; what a tenant adds under other names is only kept for its clients.
    pub fn compile(all: &[MetaSchema]) -> Self {
        let named = |name: &'static str| {
            let text = &all.iter().find(|m| &*m.name == name)?.schema;
            let schema = match *text == built_in(name) {
                true => Schema::BuiltIn(name),
                false => Schema::Own(validator(text).ok()?),
            };
            Some((name, schema))
        };
        Self(BUILT_IN.iter().filter_map(|name| named(name)).collect())
    }
    /// 400 with every place where the metadata of a `user`, `organization`, … is not as its schema says (decision 3).
    pub fn check(&self, name: &'static str, metadata: &Map<String, Value>) -> Result<()> {
        let Some(schema) = self.0.get(name).and_then(Schema::validator) else { return Ok(()) };
        let instance = Value::Object(metadata.clone());
        let mut fields: Vec<FieldError> = schema
            .iter_errors(&instance)
            .take(20)
            .map(|e| FieldError {
                field: format!("metadata{}", e.instance_path().to_string().replace('/', ".")).into(),
                message: format!("{e}").chars().take(300).collect::<String>().into(),
            })
            .collect();
        fields.sort_by(|a, b| a.field.cmp(&b.field));
        if fields.is_empty() { Ok(()) } else { Err(Error::fields(fields).detail("meta_schema", name)) }
    }
}
