//! JSON Schemas for metadata.
use portcullis_authz::Target;
use portcullis_domain::meta_schema::{BUILT_IN, MetaSchema};
use portcullis_domain::value::Slug;
use portcullis_domain::{Code, Ctx, Error, Id, Result};
use portcullis_store::{Tx, meta_schema, tenant};
use serde_json::Value;

use crate::app::Scribe;
use crate::authorize::Gate;
use crate::{Answer, App, Reply};

/// A tenant has at most so many schemas, each of at most so many bytes.
const MOST: usize = 200;
const LARGEST: usize = 64 * 1024;
/// Levels and values of a schema.
const DEEPEST: usize = 20;
const NODES: usize = 2_000;
/// Patterns of a schema, and the bytes that one may take when it is compiled and while it runs.
const PATTERNS: usize = 20;
const PATTERN_BYTES: usize = 256 * 1024;

/// A schema to make or to put in place of another.
#[derive(Clone, Debug)]
pub struct NewMetaSchema {
    /// Unique in the tenant.
    pub name: Slug,
    /// The JSON text of a JSON-Schema object.
    pub schema: String,
}

/// Which schema is meant.
#[derive(Clone, Debug)]
pub enum MetaSchemaRef {
    /// By id.
    Id(Id<MetaSchema>),
    /// By name.
    Name(Slug),
}

impl App {
    /// All schemas of the tenant; public.
    pub async fn list_meta_schemas(&self, cx: &Ctx) -> Result<Vec<MetaSchema>> {
        self.0.db.read(cx.clone(), &(), all).await.map_err(Error::from)
    }
    /// One schema; public.
    pub async fn get_meta_schema(&self, cx: &Ctx, which: &MetaSchemaRef) -> Result<MetaSchema> {
        self.0.db.read(cx.clone(), which, find).await?.ok_or_else(|| Error::not_found("metaschema"))
    }
    /// Adds one. `meta_schemas:create`.
    pub async fn create_meta_schema(&self, cx: &Ctx, new: NewMetaSchema, reply: Reply<MetaSchema>) -> Result<Answer> {
        let gate = Gate::new("meta_schemas:create", Target::tenant());
        let command = async {
            self.well_formed(&new.schema).await?;
            let schema = MetaSchema {
                id: self.id(cx),
                name: new.name,
                schema: new.schema,
                created_at: cx.now,
                updated_at: cx.now,
            };
            Ok(Save { schema, scribe: self.scribe(cx) })
        };
        self.answer(cx, gate, command, reply, insert).await
    }
    /// Replaces one; the change counts at once. `meta_schemas:update`.
    pub async fn update_meta_schema(&self, cx: &Ctx, which: &MetaSchemaRef, new: NewMetaSchema) -> Result<MetaSchema> {
        let found = self.0.db.read(cx.clone(), which, find).await?;
        let gate = Gate::new("meta_schemas:update", target(found.as_ref()));
        let command = async {
            let old = found.ok_or_else(|| Error::not_found("metaschema"))?;
            self.well_formed(&new.schema).await?;
            if is_built_in(&old.name) && old.name != new.name {
                return Err(
                    Error::new(Code::Conflict, "A built-in metaschema keeps its name.").detail("state", "built_in")
                );
            }
            let schema = MetaSchema { name: new.name, schema: new.schema, updated_at: cx.now, ..old };
            Ok(Save { schema, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, update).await
    }
    /// Deletes one; the built-in ones stay (decision 23). `meta_schemas:delete`.
    pub async fn delete_meta_schema(&self, cx: &Ctx, which: &MetaSchemaRef) -> Result<()> {
        let found = self.0.db.read(cx.clone(), which, find).await?;
        let gate = Gate::new("meta_schemas:delete", target(found.as_ref()));
        let command = async {
            let schema = found.ok_or_else(|| Error::not_found("metaschema"))?;
            if is_built_in(&schema.name) {
                return Err(
                    Error::new(Code::Conflict, "A built-in metaschema cannot be deleted.").detail("state", "built_in")
                );
            }
            Ok(Save { schema, scribe: self.scribe(cx) })
        };
        self.apply(cx, gate, command, delete).await
    }
}

impl App {
    /// Compiles a schema off the request's thread.
    async fn well_formed(&self, text: &str) -> Result<()> {
        let text = text.to_owned();
        self.validating(move || validator(&text).map(drop)).await?
    }
}

fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}
fn target(schema: Option<&MetaSchema>) -> Target<'static> {
    schema.map_or_else(Target::tenant, |m| Target::meta_schema(m.id.uuid()))
}

/// Compiles a schema; 400 with what is wrong. References to other documents are refused: nothing is fetched (checklist 10).
pub(crate) fn validator(text: &str) -> Result<jsonschema::Validator> {
    let wrong = |m: String| Error::field("schema", m).detail("meta_schema", "invalid");
    if text.len() > LARGEST {
        return Err(wrong("At most 64 KiB.".into()));
    }
    let value: Value = serde_json::from_str(text).map_err(|e| wrong(format!("This is no JSON: {e}.")))?;
    if !value.is_object() {
        return Err(wrong("A metaschema must be a JSON object.".into()));
    }
    bounded(&value).map_err(|m| wrong(m.into()))?;
    jsonschema::options()
        // linear in the text: a pattern cannot be made to hang the server
        .with_pattern_options(
            jsonschema::PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES),
        )
        .build(&value)
        .map_err(|e| wrong(format!("This is no JSON Schema: {e}.")))
}
/// A schema is written by one tenant and compiled and run in a server of many: its cost is bounded before either. Without
/// references, checking is linear in the schema times the metadata.
fn bounded(schema: &Value) -> Result<(), &'static str> {
    fn walk(v: &Value, depth: usize, nodes: &mut usize, patterns: &mut usize) -> Result<(), &'static str> {
        *nodes += 1;
        if depth > DEEPEST {
            return Err("At most 20 levels deep.");
        }
        if *nodes > NODES {
            return Err("At most 2,000 values in all.");
        }
        match v {
            Value::Object(m) => m.iter().try_for_each(|(k, v)| match k.as_str() {
                "$ref" | "$dynamicRef" | "$recursiveRef" => Err("No references ($ref): write the schema in one piece."),
                _ => {
                    *patterns += match (k.as_str(), v) {
                        ("pattern", _) => 1,
                        ("patternProperties", Value::Object(m)) => m.len(),
                        _ => 0,
                    };
                    if *patterns > PATTERNS {
                        return Err("At most 20 patterns.");
                    }
                    walk(v, depth + 1, nodes, patterns)
                }
            }),
            Value::Array(a) => a.iter().try_for_each(|v| walk(v, depth + 1, nodes, patterns)),
            _ => Ok(()),
        }
    }
    walk(schema, 0, &mut 0, &mut 0)
}

struct Save {
    schema: MetaSchema,
    scribe: Scribe,
}
fn record(tx: &mut Tx, c: &Save, action: &'static str) {
    let event = c.scribe.event(action, "meta_schema", c.schema.id).with("name", &*c.schema.name);
    c.scribe.write(tx, event);
}
fn taken() -> Error {
    Error::new(Code::AlreadyExists, "A metaschema of this name exists.").detail("field", "name")
}
async fn insert(tx: &mut Tx, c: &Save) -> portcullis_store::Result<MetaSchema> {
    if meta_schema::by_name(tx, &c.schema.name).await?.is_some() {
        return Err(taken().into());
    }
    if meta_schema::all(tx).await?.len() >= MOST {
        return Err(Error::new(Code::Conflict, "A tenant has at most 200 metaschemas.").into());
    }
    meta_schema::insert(tx, &c.schema).await?;
    record(tx, c, "meta_schema.created");
    tenant::rules_changed(tx).await?;
    Ok(c.schema.clone())
}
async fn update(tx: &mut Tx, c: &Save) -> portcullis_store::Result<MetaSchema> {
    if meta_schema::by_name(tx, &c.schema.name).await?.is_some_and(|m| m.id != c.schema.id) {
        return Err(taken().into());
    }
    meta_schema::update(tx, &c.schema).await?;
    record(tx, c, "meta_schema.updated");
    tenant::rules_changed(tx).await?;
    Ok(c.schema.clone())
}
async fn delete(tx: &mut Tx, c: &Save) -> portcullis_store::Result<()> {
    meta_schema::delete(tx, c.schema.id).await?;
    record(tx, c, "meta_schema.deleted");
    tenant::rules_changed(tx).await?;
    Ok(())
}
async fn all(tx: &mut Tx, (): &()) -> portcullis_store::Result<Vec<MetaSchema>> {
    meta_schema::all(tx).await
}
async fn find(tx: &mut Tx, which: &MetaSchemaRef) -> portcullis_store::Result<Option<MetaSchema>> {
    match which {
        MetaSchemaRef::Id(id) => meta_schema::by_id(tx, *id).await,
        MetaSchemaRef::Name(name) => meta_schema::by_name(tx, name).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_could_hang_or_crash_the_server_is_refused() {
        let deep = format!("{}true{}", "{\"not\":".repeat(100), "}".repeat(100));
        let patterns: Vec<String> = (0..21).map(|n| format!("\"p{n}\":{{\"pattern\":\"a\"}}")).collect();
        let patterns = format!("{{\"properties\":{{{}}}}}", patterns.join(","));
        let wide = format!("{{\"enum\":[{}1]}}", "1,".repeat(3_000));
        for bad in [
            deep.as_str(),
            wide.as_str(),
            patterns.as_str(),
            r#"{"pattern":"[\\p{L}\\p{N}\\p{S}]{140}x"}"#,
            r##"{"$ref":"#"}"##,
            r##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}}}"##,
            r#"{"$ref":"http://169.254.169.254/"}"#,
            r#"{"pattern":"(a)\\1"}"#,
            "[]",
            "{",
        ] {
            assert!(validator(bad).is_err(), "{bad:.60}");
        }
        for name in BUILT_IN {
            assert!(validator(&portcullis_domain::meta_schema::built_in(name)).is_ok());
        }
    }
}
