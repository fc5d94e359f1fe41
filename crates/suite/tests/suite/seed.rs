//! Both published pages, called as printed: their host, tenant, token and placeholder words replaced, nothing else.
use serde_json::{Value, json};

use crate::world::*;

both!(
    the_v1_page_works_as_printed,
    the_v1_sample_body_with_its_placeholder_words_names_what_is_wrong_with_them,
    the_v1beta1_page_works_as_printed,
    the_v1beta1_curl_sample_with_its_placeholders_is_refused_field_by_field,
    one_user_is_seen_through_both_pages,
    the_users_owner_of_the_page_may_create_with_a_key_or_a_token,
);

fn v1_body() -> Value {
    json!({ "email": "ada@example.com", "name": "Ada Example", "password": PASSWORD, "roles": ["user"], "auth_provider": "local" })
}
fn v1beta1_body() -> Value {
    json!({
        "name": "john.doe", "email": "john.doe@example.com", "title": "John Doe",
        "avatar": "https://example.com/avatars/john.jpg", "metadata": { "department": "Engineering" }
    })
}
