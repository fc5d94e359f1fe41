//! XML of others: bounded, without document types, and read by one parser, whether it is to be verified or believed (checklist 6).
use std::collections::HashSet;

use bergshamra_c14n::{C14nMode, C14nSink, canonicalize_doc_to};
use bergshamra_xml::nodeset::{NodeIdSet, NodeSet, NodeSetType};
use uppsala::{Document, Element, NodeId, NodeKind, Parser};

/// The longest document that is read, in bytes.
pub const MOST: usize = 256 * 1024;
const DEPTH: u32 = 40;
// What follows bounds what reading costs, which is more than the length: an element has a copy of its namespace's name, its attributes are
// compared with each other, and a prefix is looked up in all that was declared around it.
/// Elements begin and end with `<`.
const TAGS: usize = 8_000;
const ATTRIBUTES: usize = 4_000;
const ATTRIBUTES_OF_ONE: usize = 64;
/// Of namespaces. Some providers write two on each of the 200 groups of a person.
const DECLARATIONS: usize = 500;
/// The longest name of a namespace, in bytes.
const NAMESPACE: usize = 512;

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
    is_cheap(text)?;
    let parser = Parser::new().with_max_depth(DEPTH).with_forbid_dtd(true).with_forbid_entities(true);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let doc = parser.parse(text).map_err(|_| "it is no well-formed XML")?;
    if doc.document_element().is_none() {
        return Err("it is no well-formed XML");
    }
    Ok(doc)
}

/// Refuses what would cost more than its length, without reading it: what is no tag (a comment, a text with quotation marks) may be counted
/// as one, but no tag is missed, as there is no `<` in a tag.
fn is_cheap(text: &str) -> Result<(), &'static str> {
    let (mut attributes, mut declarations) = (0, 0);
    for (n, tag) in text.split('<').skip(1).enumerate() {
        if n == TAGS {
            return Err("it has too many elements");
        }
        let (mut of_one, mut rest) = (0, tag);
        while let Some(at) = rest.find(['"', '\'', '>']) {
            let (name, value) = rest.split_at(at);
            let mut value = value.chars();
            let Some(mark) = value.next().filter(|c| *c != '>') else { break };
            let Some((value, behind)) = value.as_str().split_once(mark) else { break };
            (of_one, attributes, rest) = (of_one + 1, attributes + 1, behind);
            if name.contains("xmlns") {
                declarations += 1;
                if value.len() > NAMESPACE || value.contains('&') {
                    return Err("a namespace in it has a name that is too long");
                }
            }
            if of_one > ATTRIBUTES_OF_ONE || attributes > ATTRIBUTES {
                return Err("it has too many attributes");
            }
            if declarations > DECLARATIONS {
                return Err("it declares too many namespaces");
            }
        }
    }
    Ok(())
}

/// As much of a canonical form as would be read again. A prefix that was declared once is declared anew wherever it is used, so that the
/// form can be far longer than the document.
#[derive(Default)]
struct Canonical {
    bytes: Vec<u8>,
    is_over: bool,
}
impl C14nSink for Canonical {
    fn write(&mut self, bytes: &[u8]) {
        self.is_over |= self.bytes.len() + bytes.len() > MOST;
        if self.is_over {
            self.bytes = vec![];
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
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
    /// Its exclusive canonical form without comments, and without what is in `but`. None if that is longer than [`MOST`].
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
        let mut out = Canonical::default();
        canonicalize_doc_to(self.doc, C14nMode::Exclusive, Some(&set), prefixes, &mut out).ok()?;
        (!out.is_over).then_some(out.bytes)
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
    }

    #[test]
    fn sec_14_what_costs_more_than_its_length_is_refused_before_it_is_read() {
        let attributes = |n: usize, name: &str| -> String { (0..n).map(|n| format!(" {name}{n}=\"b\"")).collect() };
        let around = |inner: &str| format!("<r>{inner}</r>");
        let (one, long) = ("<a b='c'/>", "u".repeat(513));
        for (good, bad, why) in [
            (around(&"<a/>".repeat(7_998)), around(&"<a/>".repeat(7_999)), "it has too many elements"),
            (
                format!("<a{}/>", attributes(64, "x")),
                format!("<a{}/>", attributes(65, "x")),
                "it has too many attributes",
            ),
            (
                format!("<a{}/>", attributes(64, "xmlns:x")),
                format!("<a{}/>", attributes(65, "xmlns:x")),
                "it has too many attributes",
            ),
            (around(&one.repeat(4_000)), around(&one.repeat(4_001)), "it has too many attributes"),
            (
                around(&"<a xmlns='u'/>".repeat(500)),
                around(&"<a xmlns='u'/>".repeat(501)),
                "it declares too many namespaces",
            ),
            (
                format!("<a xmlns='{}'/>", &long[1..]),
                format!("<a xmlns='{long}'/>"),
                "a namespace in it has a name that is too long",
            ),
            // one that is written in one place is copied for each element, if it has to be unescaped
            (
                "<p:a xmlns:p='u'/>".into(),
                "<p:a xmlns:p='u&amp;'/>".into(),
                "a namespace in it has a name that is too long",
            ),
            // whatever is written around it
            (
                "<p:a x='>' y=\"'\" xmlns:p\n=\t'u'/>".into(),
                format!("<p:a x='>' y=\"'\" xmlns:p\n=\t'{long}'/>"),
                "a namespace in it has a name that is too long",
            ),
        ] {
            assert!(parse(&good).is_ok(), "{why}: {:?}", parse(&good).err());
            assert_eq!(parse(&bad).err(), Some(why));
        }
    }

    #[test]
    fn sec_14_a_canonical_form_is_no_longer_than_a_document() {
        // each of the elements declares the prefix, which the document does once
        let of = |n: usize| format!("<r xmlns:p=\"{}\">{}</r>", "u".repeat(500), "<p:a/>".repeat(n));
        let form = |text: &str| Node::root(&parse(text).unwrap()).unwrap().canonical(None, &[]).map(|v| v.len());
        assert_eq!(form(&of(400)), Some(7 + 400 * (500 + 22)));
        assert_eq!(form(&of(7_000)), None);
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
