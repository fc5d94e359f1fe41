// Everything that an application does with the OpenID provider, done by openid-client; what its person does is forms.
import assert from 'node:assert/strict'
import * as oidc from 'openid-client'

const given = JSON.parse(await new Response(process.stdin).text())
const { origin, host, issuer, email, password, callback, bye, shop, tv } = given

// the server says that it is at `origin`, and is at `host`; its clock is the test's
const there = (url) => String(url).replace(origin, host)
const options = {
  execute: [oidc.allowInsecureRequests],
  [oidc.customFetch]: (url, init) => fetch(there(url), init),
}
const discover = async ({ id, secret }) => {
  const proof = secret ? oidc.ClientSecretBasic(secret) : oidc.None()
  const metadata = { [oidc.clockSkew]: given.now - Math.floor(Date.now() / 1000) }
  const config = await oidc.discovery(new URL(issuer), id, { client_secret: secret, ...metadata }, proof, options)
  config[oidc.customFetch] = options[oidc.customFetch]
  oidc.allowInsecureRequests(config)
  oidc.enableNonRepudiationChecks(config)
  return config
}

// A browser: its cookie, and forms of our pages.
let cookie = ''
const look = (url) => fetch(there(url), { redirect: 'manual', headers: { cookie } })
const send = async (path, fields) => {
  const headers = { cookie, origin, 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await fetch(host + path, { method: 'POST', redirect: 'manual', headers, body: new URLSearchParams(fields) })
  const set = answer.headers.get('set-cookie')
  if (set) cookie = set.split(';')[0]
  return answer
}
const signIn = async (location) => {
  const asked = new URL(location, origin)
  assert.equal(asked.pathname, '/sign-in')
  const { tenant, return_to } = Object.fromEntries(asked.searchParams)
  const back = await send('/sign-in', { tenant, return_to, email, password })
  assert.equal(back.status, 303, await back.text())
  return look(new URL(back.headers.get('location'), origin))
}

// the code, with PKCE
const config = await discover(shop)
assert.deepEqual(config.serverMetadata().supportsPKCE(), true)
const verifier = oidc.randomPKCECodeVerifier()
const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
const to = oidc.buildAuthorizationUrl(config, {
  redirect_uri: callback,
  scope: 'openid profile email roles',
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  max_age: '3600',
})
let answer = await look(to)
assert.equal(answer.status, 303)
answer = await signIn(answer.headers.get('location'))
const arrived = new URL(answer.headers.get('location'))
assert.equal(arrived.searchParams.get('iss'), issuer)
const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 3600, idTokenExpected: true }
const tokens = await oidc.authorizationCodeGrant(config, arrived, expected)
const claims = tokens.claims()
assert.equal(claims.email, email)
assert.deepEqual(claims.roles, ['user'])
await assert.rejects(oidc.authorizationCodeGrant(config, arrived, { ...expected, expectedNonce: 'another' }))

// its tokens; that code came twice, so they are gone, and the person signs in once more
await assert.rejects(oidc.fetchUserInfo(config, tokens.access_token, claims.sub))
const again = async (scope) => {
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: callback, scope, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', prompt: 'none',
  })
  const sent = await look(url)
  return oidc.authorizationCodeGrant(config, new URL(sent.headers.get('location')), { pkceCodeVerifier: verifier, idTokenExpected: true })
}
const second = await again('openid email')
const info = await oidc.fetchUserInfo(config, second.access_token, claims.sub)
assert.deepEqual(info, { sub: claims.sub, email, email_verified: false })
const third = await oidc.refreshTokenGrant(config, second.refresh_token)
assert.notEqual(third.refresh_token, second.refresh_token)
assert.equal(third.claims().sub, claims.sub)
assert.equal((await oidc.tokenIntrospection(config, third.access_token)).active, true)
await oidc.tokenRevocation(config, third.refresh_token)
assert.equal((await oidc.tokenIntrospection(config, third.access_token)).active, false)

// nobody is asked in vain
const refused = await look(oidc.buildAuthorizationUrl(config, { redirect_uri: callback, scope: 'openid', state, prompt: 'login none', code_challenge: 'x', code_challenge_method: 'S256' }))
await assert.rejects(
  oidc.authorizationCodeGrant(config, new URL(refused.headers.get('location')), { expectedState: state }),
  (e) => e.error === 'invalid_request',
)

// for itself
const own = await oidc.clientCredentialsGrant(config, { scope: 'orders:read' })
assert.equal(own.scope, 'orders:read')

// a device
const screen = await discover(tv)
const begun = await oidc.initiateDeviceAuthorization(screen, { scope: 'openid email' })
const device = new URL(begun.verification_uri).pathname
const asked = await (await send(device, { user_code: begun.user_code })).text()
const [, shown] = asked.match(/name="shown" value="([^"]+)"/)
assert.equal((await send(device, { user_code: begun.user_code, shown, decision: 'allow' })).status, 303)
const seen = await oidc.pollDeviceAuthorizationGrant(screen, begun)
assert.equal(seen.claims().email, email)

// and out
const last = await again('openid')
const leave = oidc.buildEndSessionUrl(config, { id_token_hint: last.id_token, post_logout_redirect_uri: bye, state: 'x' })
const gone = await look(leave)
assert.equal(gone.headers.get('location'), `${bye}?state=x`)
await assert.rejects(oidc.fetchUserInfo(config, last.access_token, claims.sub))
await assert.rejects(oidc.refreshTokenGrant(screen, seen.refresh_token), (e) => e.error === 'invalid_grant')
console.log('ok')
