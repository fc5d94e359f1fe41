//! Reads the settings: the file, then the environment over it. All mistakes are told at once, each with its place.
use std::fmt;
use std::path::Path;

use portcullis_crypto::password::{Hasher, Params};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::settings::{self, Setting};
use super::{Config, mail};

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// `portcullis.toml:7`, or the name of a variable.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that is wrong with the configuration; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);
impl fmt::Display for Mistakes {
    /// One line: the first, and how many there are more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.0.first() {
            first.fmt(f)?;
        }
        match self.0.len() {
            0 | 1 => Ok(()),
            n => write!(f, " (and {} more: portcullis config check)", n - 1),
        }
    }
}
impl std::error::Error for Mistakes {}

/// Reads a file (if there is one) and variables over what `base` holds.
pub fn load(
    base: Config,
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, Mistakes> {
    let mut reader = Reader { config: base, settings: settings::all(), mistakes: vec![] };
    if let Some(path) = file {
        reader.file(path);
    }
    reader.environment(variables);
    reader.together();
    if reader.mistakes.is_empty() { Ok(reader.config) } else { Err(Mistakes(reader.mistakes)) }
}

struct Reader {
    config: Config,
    settings: Vec<Setting>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn wrong(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.mistakes.push(Mistake { place: place.into(), message: message.into() });
    }

    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) => return self.wrong(path.display().to_string(), format!("the file cannot be read: {e}")),
        };
        let place = |at: usize| format!("{}:{}", path.display(), line_of(&text, at));
        let (table, errors) = DeTable::parse_recoverable(&text);
        for e in &errors {
            let at = e.span().map_or(0, |s| s.start);
            self.wrong(place(at), format!("this is not TOML: {}", one_line(e.message())));
        }
        if !errors.is_empty() {
            return;
        }
        let mut found: Vec<(usize, String, &Spanned<DeValue<'_>>)> = vec![];
        for (key, value) in table.get_ref() {
            match value.get_ref() {
                DeValue::Table(inner) if self.is_table(key.get_ref()) => {
                    let name = |inner: &str| format!("{}.{inner}", key.get_ref());
                    found.extend(inner.iter().map(|(k, v)| (k.span().start, name(k.get_ref()), v)));
                }
                _ => found.push((key.span().start, key.get_ref().to_string(), value)),
            }
        }
        // mistakes are told from the top of the file to its end
        found.sort_by_key(|(at, ..)| *at);
        let base = path.parent().unwrap_or(Path::new(""));
        for (at, name, value) in found {
            self.take(&name, place(at), value, base);
        }
    }
    fn is_table(&self, name: &str) -> bool {
        self.settings.iter().any(|s| s.name.split_once('.').is_some_and(|(table, _)| table == name))
    }
    fn take(&mut self, name: &str, place: String, value: &Spanned<DeValue<'_>>, base: &Path) {
        let Some(setting) = self.settings.iter().find(|s| s.name == name) else {
            let message = format!("there is no setting {name}{}; remove it", self.similar(name));
            return self.wrong(place, message);
        };
        if setting.secret {
            let message = format!("{name} does not belong into a file; set {} instead", setting.variable());
            return self.wrong(place, message);
        }
        let set = setting.set;
        let told = plain(value.get_ref()).and_then(|value| set(&mut self.config, value, base));
        if let Err(expected) = told {
            self.wrong(place, format!("{name}: {expected}"));
        }
    }

    fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let mut variables: Vec<_> = variables.filter(|(name, _)| is_ours(name)).collect();
        variables.sort();
        for (name, text) in variables {
            let Some(setting) = self.settings.iter().find(|s| s.variable() == name) else {
                let key = name.trim_start_matches("PORTCULLIS_").replace("__", ".").to_lowercase();
                let message = format!("there is no setting of this name{}; unset it", self.similar(&key));
                self.wrong(name, message);
                continue;
            };
            let (form, set) = (setting.form, setting.set);
            if let Err(expected) = form.read(&text).and_then(|v| set(&mut self.config, v, Path::new(""))) {
                self.wrong(name, expected);
            }
        }
    }

    /// What each setting alone cannot say.
    fn together(&mut self) {
        let password = &self.config.password;
        let params = Params { m: password.memory_kib, t: password.passes, p: password.lanes };
        if let Err(e) = Hasher::new(params) {
            self.wrong("password.memory_kib × password.passes", e.to_string());
        }
        if let Some(id) = &self.config.rp_id
            && self.config.app().relying_party().is_none()
        {
            let message = format!("{id} is neither the domain of public_url ({}) nor above it", self.config.public_url);
            self.wrong("rp_id", message);
        }
        for (place, message) in mail::together(&self.config.mail) {
            self.wrong(place, message);
        }
    }

    /// ` (do you mean server.listen?)`, if one is near.
    fn similar(&self, name: &str) -> String {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let near =
            self.settings.iter().map(|s| (distance(name, s.name).min(1 + distance(&last(name), &last(s.name))), s));
        match near.min_by_key(|(d, _)| *d) {
            Some((d, s)) if d <= 3 => format!(" (do you mean {}?)", s.name),
            _ => String::new(),
        }
    }
}

/// Variables that speak to the server. Kubernetes adds its own for a service that is called `portcullis`
/// (`PORTCULLIS_SERVICE_HOST`, `PORTCULLIS_PORT_7400_TCP`), our tests have `PORTCULLIS_TEST_…`, and `PORTCULLIS_CONFIG` is
/// the flag `--config`.
fn is_ours(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("PORTCULLIS_") else { return false };
    let of_kubernetes = rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
    !of_kubernetes && !rest.starts_with("TEST_") && rest != "CONFIG"
}

/// A value without its place.
fn plain(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(s) => Value::String(s.to_string()),
        DeValue::Boolean(b) => Value::Boolean(*b),
        DeValue::Integer(i) => {
            let digits = i.as_str().replace('_', "");
            Value::Integer(i64::from_str_radix(&digits, i.radix()).map_err(|_| "this number is too large")?)
        }
        DeValue::Array(items) => Value::Array(items.iter().map(|i| plain(i.get_ref())).collect::<Result<_, _>>()?),
        DeValue::Float(_) | DeValue::Datetime(_) => return Err("no setting takes such a value".into()),
        DeValue::Table(_) => return Err("this is a setting, not a table".into()),
    })
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}
fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

/// How many letters have to change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("listen", "lisen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
    #[test]
    fn kubernetes_variables_are_none_of_ours() {
        for name in ["PORTCULLIS_SERVICE_HOST", "PORTCULLIS_PORT", "PORTCULLIS_PORT_7400_TCP_ADDR", "PORTCULLIS_CONFIG"]
        {
            assert!(!is_ours(name), "{name}");
        }
        assert!(is_ours("PORTCULLIS_PUBLIC_URL") && !is_ours("PATH"));
    }
}
