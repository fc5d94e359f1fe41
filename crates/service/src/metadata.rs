//! Metadata against the tenant's JSON Schemas (spec v1beta1 3.15).
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use jsonschema::Validator;
use moka::sync::Cache;
use portcullis_domain::meta_schema::{BUILT_IN, MetaSchema};
use portcullis_domain::{Error, FieldError, Result};
use serde_json::{Map, Value};

/// The schemas that bind metadata, by their names; each is compiled when something is first held against it.
#[derive(Debug, Default)]
pub(crate) struct Schemas(HashMap<&'static str, Schema>);

#[derive(Debug)]
struct Schema {
    text: String,
    /// `None`: it does not compile, and binds nothing.
    compiled: OnceLock<Option<Arc<Validator>>>,
}
impl Schema {
    fn validator(&self) -> Option<&Validator> {
        self.compiled.get_or_init(|| shared(&self.text)).as_deref()
    }
}

/// Most tenants have the schemas that they began with: tenants with one text share what it compiles to.
fn shared(text: &str) -> Option<Arc<Validator>> {
    static SHARED: LazyLock<Cache<String, Option<Arc<Validator>>>> = LazyLock::new(|| Cache::new(128));
    SHARED.get_with_by_ref(text, || crate::meta_schema::validator(text).ok().map(Arc::new))
}

impl Schemas {
    /// Takes those that bind something; what a tenant adds under other names is only kept for its clients.
    pub fn of(all: Vec<MetaSchema>) -> Self {
        let named = |m: MetaSchema| {
            let name = BUILT_IN.iter().find(|name| ***name == *m.name)?;
            Some((*name, Schema { text: m.schema, compiled: OnceLock::new() }))
        };
        Self(all.into_iter().filter_map(named).collect())
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
