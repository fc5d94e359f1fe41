//! The two create-user calls, word for word as the published pages have them, with real values in the places of words.

/// `POST /v1/users`.
pub fn create_user_v1(url: &str, tenant_id: &str, token: &str, password: &str) -> String {
    format!(
        r#"curl --request POST \
  --url {url}/v1/users \
  --header 'Authorization: Bearer {token}' \
  --header 'Content-Type: application/json' \
  --header 'X-Tenant-ID: {tenant_id}' \
  --data '{{ "email": "ada@example.com", "name": "Ada Lovelace", "password": "{password}", "roles": [ "user" ], "auth_provider": "local" }}'"#
    )
}

/// `POST /v1beta1/users`.
pub fn create_user_v1beta1(url: &str, token: &str) -> String {
    format!(
        r#"curl -X POST '{url}/v1beta1/users' \
  -H 'Authorization: Bearer {token}' \
  -H 'Content-Type: application/json' \
  -d '{{
    "name": "john.doe",
    "email": "john.doe@example.com",
    "title": "John Doe",
    "avatar": "https://example.com/avatars/john.jpg",
    "metadata": {{
      "department": "Engineering"
    }}
  }}'"#
    )
}
