//! Rules as people write them: read, laid out, refused with a place.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests stop where they cannot go on")]
use portcullis_authz::rule::{Effect, parse_many, validate};
use portcullis_authz::{Resolver, Rule, RuleParts, RuleSource, ScopeType};
use proptest::prelude::*;
use uuid::Uuid;

const ADA: &str = "0199c1b2-7d4e-7c3a-9b1f-000000000001";
const HR: &str = "0199c1b2-7d4e-7c3a-9b1f-000000000002";
struct Names;
impl Resolver for Names {
    fn user_by_email(&self, email: &str) -> Option<Uuid> {
        (email == "ada@example.com").then(|| ADA.parse().unwrap())
    }
    fn group_by_name(&self, name: &str) -> Option<Uuid> {
        (name == "hr").then(|| HR.parse().unwrap())
    }
}
fn parse(text: &str) -> RuleSource {
    Rule::parse_text(text, &Names).unwrap_or_else(|e| panic!("{text}: {e}"))
}
/// `line:column message` of the first error, of reading or of validating.
fn refused(text: &str) -> String {
    let errors = match Rule::parse_text(text, &Names) {
        Err(e) => e,
        Ok(rule) => validate(&rule).expect_err(text),
    };
    let first = &errors.issues()[0];
    format!("{}:{} {}", first.line, first.column, first.message)
}

#[test]
fn the_canonical_layout() {
    let text = r#"@notice("Ask \"HR\".")   // who
        @audit_session("false") forbid(principal in Group::"group:hr", action == Action::"users:create" , resource)
        unless { principal == User::"Ada@Example.com" /*no*/ };"#;
    // Cedar has no block comments
    assert!(Rule::parse_text(text, &Names).is_err());
    let rule = parse(&text.replace("/*no*/", "// because\n"));
    let want = format!(
        "@id(\"r1\")\n@notice(\"Ask \\\"HR\\\".\")\n@audit_session(\"false\")\nforbid (\n  principal in Group::\"{HR}\",\n  \
         action == Action::\"users:create\",\n  resource\n)\nunless {{ principal == User::\"{ADA}\" \n }};"
    );
    assert_eq!(rule.render(Some("r1")), want);
    assert_eq!(Rule::parse_text(&want, &()).unwrap().render(Some("r1")), want);
    assert_eq!(rule.parts.notice.as_deref(), Some("Ask \"HR\"."));
    assert!(validate(&rule).unwrap().is_empty());
}

#[test]
fn groups_of_actions_are_stored_as_in() {
    for group in ["request_access", "users:*"] {
        let rule = parse(&format!("permit(principal, action == Action::\"{group}\", resource);"));
        assert_eq!((rule.parts.action_scope_type, &*rule.parts.action_ids), (ScopeType::In, &[group.to_owned()][..]));
        validate(&rule).unwrap();
    }
}

#[test]
fn good_rules_validate() {
    for text in [
        "permit(principal, action, resource);",
        "permit(principal in Role::\"admin\", action in Action::\"request_access\", resource);",
        "permit(principal, action == Action::\"assume\", resource is AwsAccount in AwsOrganizationalUnit::\"ou-abcd-12345678\")
         when { context.has_ticket && context.duration_seconds <= 3600 && resource has rank && resource.rank < 3 };",
        "permit(principal, action in [Action::\"read\", Action::\"write\"], resource is XDatabase) when { action == Action::\"read\" };",
        "permit(principal, action == Action::\"get\", resource is x_compute_order in Project::\"p\");",
        "forbid(principal, action == Action::\"users:create\", resource) unless { principal in Group::\"hr\" };",
        "forbid(principal, action in Action::\"users:*\", resource) when { context.hour < 8 || context.weekday > 5 };",
        "permit(principal is ServiceUser, action == Action::\"assume\", resource) when { principal.scopes.contains(\"*\") };",
        "permit(principal, action, resource) when { principal has manager && principal.manager == User::\"ada@example.com\" };",
        "permit(principal is User, action, resource) when { principal.hasTag(\"team\") && principal.getTag(\"team\") == \"core\" };",
        "permit(principal, action, resource) when { context has ip && context.ip.isInRange(ip(\"10.0.0.0/8\")) };",
        "permit(principal, action, resource) when { context.time < datetime(\"2030-01-01\") };",
    ] {
        let text = text.replace("permit(principal, action, resource) when { principal has", "permit(principal is User, action, resource) when { principal has");
        validate(&parse(&text)).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[test]
fn bad_rules_are_refused_where_they_are_bad() {
    for (text, want) in [
        ("", "1:1 There is no rule here."),
        ("// nothing", "1:1 There is no rule here."),
        ("permit(principal, action, resource);\n\n  permit(principal, action, resource);", "3:3 A rule is exactly one"),
        ("permit(principal == ?principal, action, resource);", "1:"),
        ("permit(principal, action, resource)\nwhen { context.nope };", "2:8 "),
        ("permit(principal, action == Action::\"users:fly\", resource);", "1:37 users:fly is not a built-in action."),
        ("permit(principal, action == Action::\"A b\", resource);", "1:37 \"A b\" cannot be the name"),
        ("permit(principal in Group::\"nobody\", action, resource);", "1:28 There is no group nobody"),
        ("permit(principal == User::\"eve@example.com\", action, resource);", "1:27 There is no user eve@example.com"),
        ("permit(principal, action, resource is Cat);", "1:"),
        ("permit(principal is User, action in [], resource);", "1:27 This scope names no action."),
        ("@color(\"red\")\npermit(principal, action, resource);", "1:2 The annotation `@color`"),
        ("permit(principal is User, action, resource) when { principal.manager.active };", "1:"),
        (
            "permit(principal, action == Action::\"users:create\", resource) when { context.duration_seconds > 1 };",
            "1:70 attribute `duration_seconds`",
        ),
        ("permit(principal, action, resource) when { 1 + };", "1:"),
        ("permit(principal, action, resource)", "1:"),
        ("ä", "1:"),
        ("\"", "1:"),
    ] {
        let got = refused(text);
        assert!(got.starts_with(want), "{text}\n  got  {got}\n  want {want}");
    }
}

#[test]
fn errors_behind_a_resolved_name_still_point_into_what_was_sent() {
    let text = "permit(principal == User::\"ada@example.com\", action, resource)\nwhen { User::\"ada@example.com\" == principal && context.nope };";
    let got = refused(text);
    assert!(got.starts_with("2:48 ") || got.starts_with("2:49 "), "{got}");
}

#[test]
fn many_statements_and_all_their_errors() {
    let rules = parse_many(
        "permit(principal, action, resource);\n// and\nforbid(principal, action, resource) when {true};",
        &Names,
    )
    .unwrap();
    assert_eq!(rules.iter().map(|r| r.parts.effect).collect::<Vec<_>>(), [Effect::Permit, Effect::Forbid]);
    assert!(parse_many(" // nothing\n", &Names).unwrap().is_empty());
    let errors =
        parse_many("permit(principal, action, resource) when { };\nforbid(principal action, resource);", &Names)
            .unwrap_err();
    assert_eq!(errors.issues().iter().map(|e| e.line).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn parts_make_the_same_rule_as_text() {
    let mut parts = RuleParts::new(Effect::Permit);
    parts.principal_scope_type = ScopeType::IsIn;
    parts.principal_entity_type = Some("User".into());
    parts.principal_entity_id = Some("hr".into());
    parts.action_scope_type = ScopeType::In;
    parts.action_ids = vec!["assume".into(), "read".into()];
    parts.resource_scope_type = ScopeType::IsIn;
    parts.resource_entity_type = Some("AwsS3Bucket".into());
    parts.resource_entity_id = Some("123456789012".into());
    parts.conditions = Some("when { context.has_reason } // why".into());
    let rule = Rule::from_parts(&parts, &Names).unwrap();
    assert_eq!(rule, Rule::from_parts(&rule.parts, &()).unwrap());
    let text = format!(
        "permit(principal is User in Group::\"{HR}\", action in [Action::\"assume\", Action::\"read\"], \
         resource is AwsS3Bucket in AwsAccount::\"123456789012\") when {{ context.has_reason }};"
    );
    assert_eq!(rule, parse(&text));
    validate(&rule).unwrap();
}

#[test]
fn parts_cannot_smuggle() {
    let with = |change: fn(&mut RuleParts)| {
        let mut parts = RuleParts::new(Effect::Permit);
        change(&mut parts);
        Rule::from_parts(&parts, &Names)
    };
    for errors in [
        with(|p| p.conditions = Some("when { true };\npermit(principal, action, resource)".into())),
        with(|p| p.conditions = Some("when { context.\n }".into())),
        with(|p| p.conditions = Some(", resource)".into())),
        with(|p| p.action_scope_type = ScopeType::Eq),
        with(|p| p.action_scope_type = ScopeType::Is),
        with(|p| {
            p.principal_scope_type = ScopeType::Is;
            p.principal_entity_type = Some("User, action, resource); permit(principal is User".into());
        }),
        with(|p| {
            p.resource_scope_type = ScopeType::IsIn;
            p.resource_entity_type = Some("AwsAccount".into());
            p.resource_entity_id = Some("AwsAccount::\"a\", x".into());
        }),
        with(|p| p.principal_entity_id = Some("x".into())),
    ] {
        let errors = errors.expect_err("smuggled");
        assert!(errors.issues()[0].line >= 1);
    }
    let quoted = with(|p| {
        p.action_scope_type = ScopeType::Eq;
        p.action_ids = vec!["a\", resource); permit(principal, action == Action::\"b".into()];
    });
    assert!(quoted.is_err());
    let errors = with(|p| p.conditions = Some("when { true }\nwhen { context.\n }".into())).unwrap_err();
    assert_eq!(errors.issues()[0].line, 3, "{errors}");
}

#[test]
fn hostile_nesting_is_refused_before_it_reaches_a_recursive_parser() {
    let around = |inner: String| format!("permit(principal, action, resource) when {{ {inner} }};");
    let run = move || {
        let n = 8_000;
        for inner in [
            "(".repeat(n),
            "!".repeat(n),
            "-".repeat(n),
            "[".repeat(n),
            "{".repeat(n),
            "{a:".repeat(n / 2),
            format!("principal{}", ".a".repeat(n / 2)),
            format!("principal{}", "[\"a\"]".repeat(n / 4)),
            format!("1{}", "+1".repeat(n / 2)),
            format!("true{}", "&&true".repeat(n / 4)),
            "if true then true else ".repeat(n / 16),
            format!("{}true", "a::".repeat(n / 3)),
            format!("{}1", "ip(".repeat(n / 3)),
        ] {
            assert!(Rule::parse_text(&around(inner.clone()), &Names).is_err(), "{}", &inner[..20]);
        }
        // what the guard lets through must survive reading, validating and compiling
        for inner in [
            format!("{}true{}", "(".repeat(20), ")".repeat(20)),
            format!("true{}", " && true".repeat(240)),
            format!("1{} == 1", " + 1".repeat(240)),
            format!("principal has email{}", " && true".repeat(200)),
            format!("{}true", "if true then true else ".repeat(230)),
            format!("{}true", "!".repeat(4)),
        ] {
            if let Ok(rule) = Rule::parse_text(&around(inner), &Names) {
                let _ = validate(&rule);
            }
        }
    };
    // tokio's worker threads have 2 MiB
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

fn scope(types: &'static [&'static str]) -> impl Strategy<Value = (ScopeType, Option<String>, Option<String>)> {
    let id = "[a-z0-9 \"\\\\\n\u{e9}-]{0,12}";
    (0..5usize, proptest::sample::select(types), id).prop_map(|(n, kind, id)| {
        let kind = Some(kind.to_owned());
        match ScopeType::ALL[n] {
            ScopeType::Any => (ScopeType::Any, None, None),
            ScopeType::Is => (ScopeType::Is, kind, None),
            ScopeType::IsIn => (ScopeType::IsIn, kind, Some(format!("Role::{id:?}").replace("\\u{e9}", "é"))),
            other => (other, kind, Some(id)),
        }
    })
}
fn parts() -> impl Strategy<Value = RuleParts> {
    let actions = prop_oneof![
        Just((ScopeType::Any, vec![])),
        "[a-z][a-z0-9_.-]{0,10}".prop_map(|a| (ScopeType::Eq, vec![a])),
        proptest::collection::vec(prop_oneof!["[a-z][a-z0-9]{0,5}", Just("users:create".to_owned())], 1..5)
            .prop_map(|a| (ScopeType::In, a)),
    ];
    let conditions = proptest::option::of(proptest::sample::select(
        &[
            "when { true }",
            "when { context.reason == \"// no; comment }\" }\nunless { principal.active }",
            "unless { resource has name && resource.name like \"a*\" }",
        ][..],
    ));
    let notice = proptest::option::of("[ -~\n\té]{1,40}");
    let head = (any::<bool>(), notice, any::<bool>(), conditions);
    (head, scope(&["Role", "AwsAccount"]), actions, scope(&["AwsAccount", "XThing"])).prop_map(|(h, p, a, r)| {
        RuleParts {
            effect: if h.0 { Effect::Permit } else { Effect::Forbid },
            principal_scope_type: p.0,
            principal_entity_type: p.1,
            principal_entity_id: p.2,
            action_scope_type: a.0,
            action_ids: a.1,
            resource_scope_type: r.0,
            resource_entity_type: r.1,
            resource_entity_id: r.2,
            conditions: h.3.map(str::to_owned),
            notice: h.1,
            audit_session: h.2,
        }
    })
}
proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_rendered_rule_reads_as_itself(parts in parts(), id in proptest::option::of("[a-z0-9-]{1,36}")) {
        let rule = Rule::from_parts(&parts, &Names).map_err(|e| TestCaseError::fail(format!("{parts:?}: {e}")))?;
        let text = rule.render(id.as_deref());
        let again = Rule::parse_text(&text, &()).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(&again.parts, &rule.parts);
        prop_assert_eq!(&again.id, &id);
        prop_assert_eq!(again.render(id.as_deref()), text);
    }
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = Rule::parse_text(&text, &Names);
        let _ = parse_many(&text, &Names);
    }
    #[test]
    fn no_near_rule_panics(words in proptest::collection::vec(proptest::sample::select(&[
        "permit", "forbid", "(", ")", "principal", "action", "resource", ",", "==", "in", "is", "User", "::", "\"a\"", "when",
        "unless", "{", "}", ";", "@", "id", "notice", "true", "//", "\n", "[", "]", "Action", "\"users:*\"", "?principal", "&&",
    ][..]), 0..40)) {
        let _ = Rule::parse_text(&words.join(" "), &Names);
        let text = format!("permit(principal, action, resource) when {{ {} }};", words.join(" "));
        if let Ok(rule) = Rule::parse_text(&text, &Names) {
            let _ = validate(&rule);
        }
    }
}
