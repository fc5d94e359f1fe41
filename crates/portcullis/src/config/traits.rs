//! The file of traits that the operator adds to the built-in ones (`preferences.traits_file`), in the words of Frontier's own:
//!
//! ```toml
//! [[traits]]
//! resource_type = "app/user"
//! name = "unread_only"
//! title = "Only unread messages"
//! input = "checkbox"
//! default = "false"
//! allowed_scopes = ["app/organization"]
//! ```
use std::path::Path;

use portcullis_domain::preference::Level;
use portcullis_domain::preference_trait::{Choice, Input, Trait, Traits};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    traits: Vec<Row>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    resource_type: String,
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    long_description: String,
    #[serde(default)]
    heading: String,
    #[serde(default)]
    sub_heading: String,
    #[serde(default)]
    breadcrumb: String,
    input: String,
    #[serde(default)]
    input_hints: String,
    #[serde(default)]
    input_options: Vec<Choosable>,
    #[serde(default)]
    default: String,
    #[serde(default)]
    allowed_scopes: Vec<String>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choosable {
    name: String,
    #[serde(default)]
    description: String,
}

/// The built-in traits and those of this file, or what is wrong with it.
pub fn read(path: &Path) -> Result<Traits, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    parse(&text).map_err(|e| format!("{}: {e}", path.display()))
}
fn parse(text: &str) -> Result<Traits, String> {
    let file: File = toml::from_str(text).map_err(|e| e.to_string().lines().collect::<Vec<_>>().join("; "))?;
    Traits::with(file.traits.into_iter().map(own).collect::<Result<_, _>>()?)
}
fn own(row: Row) -> Result<Trait, String> {
    let name = row.name.clone();
    let wrong = |what: &str| format!("{name:?}: {what}");
    let level = Level::parse(&row.resource_type)
        .ok_or_else(|| wrong("resource_type is app/platform, app/organization or app/user"))?;
    let input = Input::parse(&row.input)
        .ok_or_else(|| wrong("input is text, textarea, select, combobox, checkbox, multiselect or number"))?;
    if row.allowed_scopes.iter().any(|s| s != Level::Organization.as_str()) {
        return Err(wrong("allowed_scopes may only hold app/organization"));
    }
    let choice = |o: Choosable| Choice { name: o.name.into(), description: o.description.into() };
    Ok(Trait {
        level,
        name: row.name.into(),
        title: row.title.into(),
        description: row.description.into(),
        long_description: row.long_description.into(),
        heading: row.heading.into(),
        sub_heading: row.sub_heading.into(),
        breadcrumb: row.breadcrumb.into(),
        default: row.default.into(),
        input_hints: row.input_hints.into(),
        input,
        choices: row.input_options.into_iter().map(choice).collect(),
        scoped: !row.allowed_scopes.is_empty(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_file_adds_to_the_built_in_traits() {
        let traits = parse(
            "[[traits]]\nresource_type = \"app/user\"\nname = \"theme\"\ninput = \"select\"\ndefault = \"dark\"\n\
             input_options = [{ name = \"dark\", description = \"Dark\" }, { name = \"light\" }]\n\
             allowed_scopes = [\"app/organization\"]\n",
        )
        .unwrap();
        let theme = traits.find(Level::User, "theme").unwrap();
        assert!(theme.scoped && theme.choices.len() == 2 && theme.value("light").is_ok());
        assert!(traits.find(Level::User, "newsletter").is_some());
    }

    #[test]
    fn a_wrong_file_says_what_is_wrong() {
        let row = |more: &str| format!("[[traits]]\nresource_type = \"app/user\"\nname = \"theme\"\n{more}");
        for (text, hint) in [
            (row("input = \"slider\""), "input is text"),
            (row("input = \"text\"\nallowed_scopes = [\"app/project\"]"), "app/organization"),
            (row("input = \"text\"\ncolour = \"red\""), "colour"),
            (row(""), "input"),
            (row("input = \"checkbox\"\ndefault = \"maybe\""), "default"),
            ("traits = 5".into(), "invalid type"),
            ("[[traits]]\nresource_type = \"app/cat\"\nname = \"theme\"\ninput = \"text\"".into(), "app/platform"),
        ] {
            let told = parse(&text).unwrap_err();
            assert!(told.contains(hint), "{told}");
        }
    }
}
