//! Filters (RFC 7644 3.4.2.2): text becomes a [`Search`] of typed fields, or 400 `invalidFilter`. The grammar is the crate `scim_v2`'s;
//! what may be searched by, and how large a filter may be, is said here.
use portcullis_domain::scim::{Comparison, Field, FieldKind, GroupField, Operand, Search, UserField};
use portcullis_domain::{Error, Result};
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};

use crate::Fault;
use crate::attribute::{ENTERPRISE, GROUP, USER};

/// So deep may a filter be: a term has depth 1, and each `and`, `or`, `not` and `[]` around it adds one.
pub const DEPTH: usize = 5;
/// So many terms may it have.
pub const TERMS: usize = 20;
/// And so many bytes.
const LENGTH: usize = 8 << 10;

/// Reads a filter of people.
pub fn of_users(text: &str) -> Result<Search<UserField>> {
    Reader { named: user_leaf, terms: 0 }.read(text)
}
/// Reads a filter of groups.
pub fn of_groups(text: &str) -> Result<Search<GroupField>> {
    Reader { named: group_leaf, terms: 0 }.read(text)
}

/// What a name in a filter stands for.
enum Leaf<F> {
    /// What is searched by.
    Field(F),
    /// What is the same for all.
    Text(&'static str),
    /// True for all.
    True,
}
/// The path in lower case, without the core schema's urn.
type Names<F> = fn(&str) -> Option<Leaf<F>>;

fn user_leaf(path: &str) -> Option<Leaf<UserField>> {
    use UserField as F;
    Some(Leaf::Field(match path {
        "id" => F::Id,
        "username" => F::UserName,
        "externalid" => F::ExternalId,
        "displayname" => F::DisplayName,
        "name.givenname" => F::GivenName,
        "name.familyname" => F::FamilyName,
        "emails" | "emails.value" => F::Email,
        "active" => F::Active,
        "manager" | "manager.value" => F::Manager,
        "meta.created" => F::Created,
        "meta.lastmodified" => F::LastModified,
        "emails.type" => return Some(Leaf::Text("work")),
        "emails.primary" => return Some(Leaf::True),
        "meta.resourcetype" => return Some(Leaf::Text("User")),
        _ => return None,
    }))
}
fn group_leaf(path: &str) -> Option<Leaf<GroupField>> {
    use GroupField as F;
    Some(Leaf::Field(match path {
        "id" => F::Id,
        "displayname" => F::DisplayName,
        "externalid" => F::ExternalId,
        "members" | "members.value" => F::Member,
        "meta.created" => F::Created,
        "meta.lastmodified" => F::LastModified,
        "meta.resourcetype" => return Some(Leaf::Text("Group")),
        _ => return None,
    }))
}

struct Reader<F> {
    named: Names<F>,
    terms: usize,
}
impl<F: Field> Reader<F> {
    fn read(mut self, text: &str) -> Result<Search<F>> {
        if text.len() > LENGTH {
            return Err(wrong(format!("A filter has at most {LENGTH} bytes.")));
        }
        let filter: Filter = match text.parse() {
            Ok(filter) => filter,
            Err(e) => as_a_path(text).and_then(|t| t.parse().ok()).ok_or_else(|| {
                // what the parser says quotes the filter: cut, since it goes into an answer
                let said: String = format!("{e}").chars().take(200).collect();
                wrong(format!("The filter does not read: {said}"))
            })?,
        };
        self.filter(&filter, 1)
    }
    fn filter(&mut self, filter: &Filter, depth: usize) -> Result<Search<F>> {
        if depth > DEPTH {
            return Err(wrong(format!("A filter is at most {DEPTH} levels deep.")));
        }
        Ok(match filter {
            Filter::Attr(term) => self.term(term, None)?,
            Filter::Not(inner) => Search::Not(Box::new(self.filter(inner, depth + 1)?)),
            Filter::And(all) => Search::All(all.iter().map(|f| self.filter(f, depth + 1)).collect::<Result<_>>()?),
            Filter::Or(any) => Search::Any(any.iter().map(|f| self.filter(f, depth + 1)).collect::<Result<_>>()?),
            Filter::ValuePath(path) => self.value(&path.filter, &path.attr, depth + 1)?,
        })
    }
    /// What is asked of one value of an attribute with several.
    fn value(&mut self, filter: &ValFilter, of: &AttrPath, depth: usize) -> Result<Search<F>> {
        if depth > DEPTH {
            return Err(wrong(format!("A filter is at most {DEPTH} levels deep.")));
        }
        // people have one address; a group has many members, of whom one would have to be all of it
        let one = of.name.eq_ignore_ascii_case("emails");
        Ok(match filter {
            ValFilter::Attr(term) => self.term(term, Some(of))?,
            ValFilter::Or(any) => Search::Any(any.iter().map(|f| self.value(f, of, depth + 1)).collect::<Result<_>>()?),
            ValFilter::And(all) if one => {
                Search::All(all.iter().map(|f| self.value(f, of, depth + 1)).collect::<Result<_>>()?)
            }
            ValFilter::Not(inner) if one => Search::Not(Box::new(self.value(inner, of, depth + 1)?)),
            ValFilter::And(_) | ValFilter::Not(_) => {
                return Err(wrong(format!("Inside {}[…] only or is served.", of.name)));
            }
        })
    }
    fn term(&mut self, term: &AttrExp, within: Option<&AttrPath>) -> Result<Search<F>> {
        self.terms += 1;
        if self.terms > TERMS {
            return Err(wrong(format!("A filter has at most {TERMS} terms.")));
        }
        let (AttrExp::Present(path) | AttrExp::Comparison(path, ..)) = term;
        let leaf = named(path, within).and_then(|name| (self.named)(&name));
        let leaf = leaf.ok_or_else(|| wrong(format!("There is no search by {path}.")))?;
        let AttrExp::Comparison(_, how, value) = term else {
            return Ok(match leaf {
                Leaf::Field(field) => Search::Present(field),
                Leaf::Text(_) | Leaf::True => Search::Constant(true),
            });
        };
        match leaf {
            Leaf::Field(field) => compare(field, how, value, path),
            Leaf::Text(constant) => match value {
                CompValue::Str(text) => Ok(Search::Constant(same(constant, how, text, path)?)),
                _ => Err(no_value(path, "text")),
            },
            Leaf::True => match (boolean(value), how) {
                (Some(wanted), CompareOp::Eq) => Ok(Search::Constant(wanted)),
                (Some(wanted), CompareOp::Ne) => Ok(Search::Constant(!wanted)),
                (Some(_), _) => Err(no_such_comparison(path, how)),
                (None, _) => Err(no_value(path, "true or false")),
            },
        }
    }
}

/// Entra writes a patch's path where a filter has an attribute: `emails[type eq "work"].value eq "a"` is
/// `emails[type eq "work" and value eq "a"]`.
fn as_a_path(text: &str) -> Option<String> {
    let (name, rest) = text.split_once('[')?;
    let (inner, term) = rest.split_once("].")?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b":.-_".contains(&b));
    plain.then(|| format!("{name}[({inner}) and {term}]"))
}

fn wrong(detail: impl Into<String>) -> Error {
    Fault::InvalidFilter.because(detail)
}
fn no_value(path: &AttrPath, kind: &str) -> Error {
    wrong(format!("{path} is compared with {kind}."))
}
fn no_such_comparison(path: &AttrPath, how: &CompareOp) -> Error {
    wrong(format!("{path} is not compared by {how}."))
}

/// The path in lower case; `None`: of a schema that is not here.
fn named(path: &AttrPath, within: Option<&AttrPath>) -> Option<String> {
    let urn = within.unwrap_or(path).uri.as_deref();
    let manager = |p: &AttrPath| p.name.eq_ignore_ascii_case("manager");
    match urn {
        // an extension's names need its urn, and no others have it
        Some(urn) if urn.eq_ignore_ascii_case(ENTERPRISE) => manager(within.unwrap_or(path)),
        Some(urn) => (urn.eq_ignore_ascii_case(USER) || urn.eq_ignore_ascii_case(GROUP)) && !manager(path),
        None => !manager(within.unwrap_or(path)),
    }
    .then_some(())?;
    let own = match &path.sub_attr {
        Some(part) => format!("{}.{part}", path.name),
        None => path.name.clone(),
    };
    let whole = match within {
        Some(outer) if outer.sub_attr.is_none() && path.uri.is_none() => format!("{}.{own}", outer.name),
        Some(_) => return None,
        None => own,
    };
    Some(whole.to_ascii_lowercase())
}

fn compare<F: Field>(field: F, how: &CompareOp, value: &CompValue, path: &AttrPath) -> Result<Search<F>> {
    if *value == CompValue::Null {
        let present = Search::Present(field);
        return match how {
            CompareOp::Eq => Ok(Search::Not(Box::new(present))),
            CompareOp::Ne => Ok(present),
            _ => Err(no_such_comparison(path, how)),
        };
    }
    let (comparison, opposite) = match how {
        CompareOp::Eq => (Comparison::Equal, false),
        CompareOp::Ne => (Comparison::Equal, true),
        CompareOp::Co => (Comparison::Contains, false),
        CompareOp::Sw => (Comparison::StartsWith, false),
        CompareOp::Ew => (Comparison::EndsWith, false),
        CompareOp::Gt => (Comparison::More, false),
        CompareOp::Ge => (Comparison::AtLeast, false),
        CompareOp::Lt => (Comparison::Less, false),
        CompareOp::Le => (Comparison::AtMost, false),
    };
    use Comparison::{Contains, EndsWith, Equal, StartsWith};
    let partial = matches!(comparison, Contains | StartsWith | EndsWith);
    let operand = match (field.kind(), value) {
        (FieldKind::Text { .. }, CompValue::Str(text)) if partial && text.is_empty() => {
            return Ok(Search::Present(field));
        }
        // no text here has one, and not every store takes one
        (FieldKind::Text { .. }, CompValue::Str(text)) if text.contains('\0') => return Ok(Search::Constant(opposite)),
        (FieldKind::Text { .. }, CompValue::Str(text)) => Operand::Text(text.clone()),
        (FieldKind::Text { .. }, _) => return Err(no_value(path, "text")),
        (FieldKind::Id | FieldKind::Bool, _) if comparison != Equal => return Err(no_such_comparison(path, how)),
        (FieldKind::Time, _) if partial => return Err(no_such_comparison(path, how)),
        (FieldKind::Id, CompValue::Str(text)) => match text.parse::<portcullis_domain::Id<()>>() {
            Ok(id) => Operand::Id(id.uuid()),
            // nothing here has such an id
            Err(_) => return Ok(Search::Constant(opposite)),
        },
        (FieldKind::Id, _) => return Err(no_value(path, "an id")),
        (FieldKind::Bool, value) => Operand::Bool(boolean(value).ok_or_else(|| no_value(path, "true or false"))?),
        (FieldKind::Time, CompValue::Str(text)) => {
            let moment = "a moment such as \"2026-11-22T09:15:04Z\"";
            Operand::Time(text.parse().map_err(|_| no_value(path, moment))?)
        }
        (FieldKind::Time, _) => return Err(no_value(path, "a moment")),
    };
    let is = Search::Is(field, comparison, operand);
    Ok(if opposite { Search::Not(Box::new(is)) } else { is })
}

/// Some directories write `"true"`, and `"True"`.
fn boolean(value: &CompValue) -> Option<bool> {
    match value {
        CompValue::True => Some(true),
        CompValue::False => Some(false),
        CompValue::Str(s) if s.eq_ignore_ascii_case("true") => Some(true),
        CompValue::Str(s) if s.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
fn same(constant: &str, how: &CompareOp, text: &str, path: &AttrPath) -> Result<bool> {
    let (constant, text) = (constant.to_lowercase(), text.to_lowercase());
    match how {
        CompareOp::Eq => Ok(constant == text),
        CompareOp::Ne => Ok(constant != text),
        CompareOp::Co => Ok(constant.contains(&text)),
        CompareOp::Sw => Ok(constant.starts_with(&text)),
        CompareOp::Ew => Ok(constant.ends_with(&text)),
        _ => Err(no_such_comparison(path, how)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn users(text: &str) -> String {
        match of_users(text) {
            Ok(search) => format!("{search:?}"),
            Err(e) => format!("{}: {}", e.details()["scim_type"].as_str().unwrap(), e.message()),
        }
    }
    fn refused(text: &str) -> bool {
        users(text).starts_with("invalidFilter: ")
    }

    #[test]
    fn what_directories_ask_for_is_understood() {
        for (text, search) in [
            (r#"userName eq "Ada@corp.example""#, r#"Is(UserName, Equal, Text("Ada@corp.example"))"#),
            (r#"USERNAME Eq "ada""#, r#"Is(UserName, Equal, Text("ada"))"#),
            (r#"externalId eq "00u1""#, r#"Is(ExternalId, Equal, Text("00u1"))"#),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "a""#, r#"Is(UserName, StartsWith, Text("a"))"#),
            (r#"emails[type eq "work"].value eq "a@b.c""#, r#"All([Constant(true), Is(Email, Equal, Text("a@b.c"))])"#),
            (
                r#"emails[type eq "work" and value co "b.c"]"#,
                r#"All([Constant(true), Is(Email, Contains, Text("b.c"))])"#,
            ),
            (r#"active eq true"#, "Is(Active, Equal, Bool(true))"),
            (r#"active ne "False""#, "Not(Is(Active, Equal, Bool(false)))"),
            (r#"externalId eq null"#, "Not(Present(ExternalId))"),
            (r#"not (name.familyName pr)"#, "Not(Present(FamilyName))"),
            (r#"id eq "nonsense""#, "Constant(false)"),
            (r#"id ne "nonsense""#, "Constant(true)"),
            (r#"displayName co """#, "Present(DisplayName)"),
            (r#"displayName co "\u0000""#, "Constant(false)"),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr"#, "Present(Manager)"),
        ] {
            assert_eq!(users(text), search, "{text}");
        }
        assert!(of_users(r#"meta.lastModified gt "2026-11-22T09:15:04Z" and active eq true"#).is_ok());
        assert_eq!(
            format!("{:?}", of_groups(r#"members[value eq "0199c0de-0000-7000-8000-00000000dead"]"#).unwrap()),
            "Is(Member, Equal, Id(0199c0de-0000-7000-8000-00000000dead))"
        );
    }

    #[test]
    fn what_is_not_searched_by_is_said() {
        for text in [
            "",
            "userName",
            r#"userName eq"#,
            r#"userName eq 5"#,
            r#"password eq "x""#,
            r#"title eq "x""#,
            r#"active gt true"#,
            r#"id co "0199""#,
            r#"meta.created gt "yesterday""#,
            r#"meta.created co "2026""#,
            r#"manager.value pr"#,
            r#"emails[value.x eq "a"]"#,
            r#"urn:other:2.0:User:userName eq "a""#,
            r#"userName eq "a" and"#,
            r#"userName gt null"#,
            r#"emails.primary co "t""#,
        ] {
            assert!(refused(text), "{text}: {}", users(text));
        }
        assert!(of_groups(r#"members[value eq "a" and value eq "b"]"#).is_err());
        assert!(of_groups(r#"userName eq "a""#).is_err());
    }

    #[test]
    fn sec_12_a_filter_is_bounded() {
        let terms = |n: usize| vec![r#"userName eq "a""#; n].join(" or ");
        assert!(of_users(&terms(TERMS)).is_ok() && refused(&terms(TERMS + 1)));
        let nested = |n: usize| format!("{}active pr{}", "not (".repeat(n), ")".repeat(n));
        assert!(of_users(&nested(DEPTH - 1)).is_ok() && refused(&nested(DEPTH)));
        assert!(refused(&nested(60)) && refused(&nested(1_000)) && refused(&"(".repeat(5_000)));
        assert!(refused(&format!(r#"userName eq "{}""#, "a".repeat(LENGTH))));
        let inside = r#"not (not (not (emails[not (value eq "a")])))"#;
        assert!(refused(inside), "what is inside of [] counts on");
    }

    /// How deep a search is, and how many terms it has.
    pub(crate) fn size<F>(search: &Search<F>) -> (usize, usize) {
        match search {
            Search::Constant(_) | Search::Present(_) | Search::Is(..) => (1, 1),
            Search::Not(inner) => {
                let (depth, terms) = size(inner);
                (depth + 1, terms)
            }
            Search::All(all) | Search::Any(all) => {
                let sizes: Vec<_> = all.iter().map(size).collect();
                (1 + sizes.iter().map(|s| s.0).max().unwrap_or(0), sizes.iter().map(|s| s.1).sum())
            }
        }
    }
    fn written() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "userName",
            "externalId",
            "emails.value",
            "name.givenName",
            "active",
            "id",
            "meta.created",
            "surprise",
            "members",
        ]);
        let how = prop::sample::select(vec!["eq", "ne", "co", "SW", "ew", "gt", "le", "pr", "xx"]);
        let value = prop::sample::select(vec![
            r#""a""#,
            r#""\u00e9\"""#,
            "true",
            "5",
            "null",
            r#""2026-11-22T09:15:04Z""#,
            r#""0199c0de-0000-7000-8000-00000000dead""#,
        ]);
        let term =
            (name, how, value).prop_map(|(n, h, v)| if h == "pr" { format!("{n} pr") } else { format!("{n} {h} {v}") });
        term.prop_recursive(6, 30, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|f| format!("not ({f})")),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" and ")),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|any| format!("({})", any.join(" or "))),
                inner.prop_map(|f| format!("emails[{f}]")),
            ]
        })
    }
    proptest! {
        #[test]
        fn whatever_is_read_is_bounded_and_says_the_same_laid_out(text in written()) {
            if let Ok(search) = of_users(&text) {
                let (depth, terms) = size(&search);
                prop_assert!(depth <= DEPTH + 1 && terms <= TERMS, "{text}");
                let again = text.parse::<Filter>().unwrap().to_string();
                prop_assert_eq!(of_users(&again).unwrap(), search);
            }
        }
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}") {
            let _ = (of_users(&text), of_groups(&text));
        }
    }
}
