// Pictures of each page: light, dark, and on a phone. Standard input: what `portcullis dev --json` says; arguments: the folder, and where
// the mails are.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { DESK, PHONE, appCode, launch, signIn } from './browser.mjs'

const ready = JSON.parse(await new Response(process.stdin).text())
const [folder, mails] = process.argv.slice(2)
const url = ready.base_url.replace('127.0.0.1', 'localhost')
const password = 'plum-orbit-canvas-41'
const email = 'ada@northwind.example'

// --- a server with something on it
const by = (headers) => async (method, path, body) => {
  const answer = await fetch(`${url}${path}`, { method, headers: { 'content-type': 'application/json', ...headers }, body: body && JSON.stringify(body) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text && JSON.parse(text)
}
const owner = by({ authorization: `Bearer ${ready.access_token}`, 'x-tenant-id': ready.tenant_id })
const machine = by({ 'x-api-key': ready.api_key, 'x-tenant-id': ready.tenant_id })
const nobody = by({})
// The link to this path in a mail to somebody, once it was sent.
const mailed = async (to, path) => {
  for (;;) {
    const names = readdirSync(mails, { throwIfNoEntry: false }).filter((name) => name.endsWith('.eml'))
    for (const name of names.sort().reverse()) {
      const mail = readFileSync(join(mails, name), 'utf8').replaceAll(/=\r?\n/g, '').replaceAll('=3D', '=')
      const link = new RegExp(`${path}\\?token=[A-Za-z0-9_-]+`).exec(mail)
      if (mail.includes(`To: ${to}`) && link) return link[0]
    }
    await wait(100)
  }
}
mkdirSync(mails, { recursive: true })
await owner('PUT', `/v1/tenants/${ready.tenant_id}`, { name: 'Northwind' })
const { slug } = await owner('GET', `/v1/tenants/${ready.tenant_id}`)
const ada = await owner('POST', '/v1/users', { email, name: 'Ada Lovelace', password, roles: ['user', 'approver'] })
const { organization } = await owner('POST', '/v1beta1/organizations', { name: 'observatory', title: 'The Observatory' })
const members = [{ user_id: ada.id, role_id: '00000000-0000-7000-8000-000000000004' }]
await owner('POST', '/raystack.frontier.v1beta1.AdminService/AddOrganizationMembers', { org_id: organization.id, members })
const safari = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15'
const elsewhere = await by({ 'user-agent': safari })('POST', '/v1/auth/login', { email, password })
const own = by({ authorization: `Bearer ${elsewhere.token}`, 'x-tenant-id': ready.tenant_id })
await own('PUT', '/v1/users/me/profile', { first_name: 'Ada', last_name: 'Lovelace', display_name: 'Ada' })
await own('POST', '/v1/api-keys', { name: 'Nightly report', scopes: ['users:*'] })
await own('POST', '/v1/api-keys', { name: 'Laptop' })
await machine('POST', '/v1/tenants', { name: 'Contoso', owner_email: 'grace@contoso.example', owner_name: 'Grace Hopper' })
await nobody('POST', '/v1/auth/request-password-reset', { email })

// applications: one of others, a program on this device, a television
const loopback = 'http://127.0.0.1/callback'
const application = (more) => owner('POST', '/v1/applications', { kind: 'public', redirect_uris: [loopback], ...more })
const calendar = await application({ name: 'Calendar', third_party: true, redirect_uris: ['https://calendar.example/callback'], scopes: ['openid', 'profile', 'email', 'groups', 'offline_access', 'events:write'], grants: ['authorization_code', 'refresh_token'] })
const program = await application({ name: 'Command line', scopes: ['openid', 'email'] })
const screen = await application({ name: 'Television', redirect_uris: [], grants: ['device_code'], scopes: ['openid', 'email'] })
const authorize = (to, scope) => {
  const code_challenge = createHash('sha256').update('a'.repeat(43)).digest('base64url')
  const asked = { client_id: to.id, redirect_uri: to.redirect_uris[0], response_type: 'code', scope, state: 's', nonce: 'n', code_challenge, code_challenge_method: 'S256' }
  return `/t/${slug}/oauth2/authorize?${new URLSearchParams(asked)}`
}
const deviceCode = async () => {
  const body = new URLSearchParams({ client_id: screen.id, scope: 'openid email' })
  return (await (await fetch(`${url}/t/${slug}/oauth2/device_authorization`, { method: 'POST', body })).json()).user_code
}

const browser = await launch()

// a tenant in its own colours, with two providers, where everybody needs a second factor
const lin = 'lin@fabrikam.example'
const made = await machine('POST', '/v1/tenants', { name: 'Fabrikam', slug: 'fabrikam', owner_email: lin })
const token = (await mailed(lin, '/invitation')).split('token=')[1]
await nobody('POST', '/v1/auth/verify-email', { token })
await nobody('POST', '/v1/auth/set-initial-password', { token, password })
const signedIn = await nobody('POST', '/v1/auth/login', { email: lin, password, tenant_slug: 'fabrikam' })
const fabrikam = by({ authorization: `Bearer ${signedIn.token}`, 'x-tenant-id': made.id })
const drawn = await browser.newPage({ viewport: { width: 64, height: 64 } })
await drawn.setContent('<body style="margin:0"><div style="width:60px;height:60px;margin:2px;border-radius:50%;background:#c2410c">')
const logo = (await drawn.screenshot({ omitBackground: true })).toString('base64')
await drawn.close()
await fabrikam('PATCH', `/v1/tenants/${made.id}/branding`, {
  name: 'Fabrikam Works', accent_color: '#c2410c', welcome: 'Welcome to the workshop.',
  help: 'Trouble signing in? Write to help@fabrikam.example.', logo_base64: `data:image/png;base64,${logo}`,
})
const provider = (name, provider_type, config) => fabrikam('POST', '/v1/identity-providers', { name, provider_type, config })
await provider('Fabrikam Entra ID', 'oidc', { issuer_url: 'https://id.example.net', client_id: 'portcullis' })
await provider('Partner SAML', 'saml', { metadata_url: 'https://id.example.net/metadata' })
await fabrikam('PATCH', `/v1/tenants/${made.id}/settings`, { mfa_policy: 'required' })
const [invitation, reset, verify] = [await mailed('grace@contoso.example', '/invitation'), await mailed(email, '/reset-password'), await mailed(email, '/verify-email')]

// --- the pictures
const looks = [
  ['light', { colorScheme: 'light', viewport: DESK }],
  ['dark', { colorScheme: 'dark', viewport: DESK }],
  ['phone', { colorScheme: 'light', viewport: PHONE, deviceScaleFactor: 2 }],
]
for (const [look, options] of looks) {
  mkdirSync(join(folder, look), { recursive: true })
  const context = await browser.newContext(options)
  // an application that shows nothing, so that the page on the way there stays
  await context.route(/^http:\/\/127\.0\.0\.1\/callback/, (route) => route.fulfill({ status: 204 }))
  const page = await context.newPage()
  const take = (name) => page.screenshot({ path: join(folder, look, `${name}.png`), fullPage: true })
  const at = async (path, name) => {
    await page.goto(`${url}${path}`)
    if (name) await take(name)
  }
  const press = async (button, name) => {
    await Promise.all([page.waitForEvent('load'), page.click(button)])
    if (name) await take(name)
  }
  const address = async (whose, name) => {
    await page.fill('#email', whose)
    await press('main button', name)
  }
  const secret = async (text, name) => {
    await page.fill('#password', text)
    await press('main button', name)
  }

  // before anybody is signed in
  await at('/sign-in', 'sign-in')
  await at('/sign-in?done=signed_out', 'sign-in-signed-out')
  await at('/sign-in?done=sign_in_first', 'sign-in-first')
  await at('/sign-in?done=reset_asked', 'sign-in-reset-asked')
  for (const word of ['failed', 'away', 'left', 'elsewhere']) await at(`/sign-in?problem=provider_${word}`, `sign-in-provider-${word}`)
  await at('/sign-in')
  await at('/sign-in')
  await address(email, 'sign-in-password')
  await secret('not the password', 'sign-in-refused')
  await at('/sign-in')
  await press('form.other button', 'sign-in-passkey')
  await at('/sign-in?tenant=fabrikam', 'sign-in-branded')
  await address(lin, 'sign-in-providers')
  await secret(password, 'enrolment')
  await page.fill('#code', '000000')
  await press('main button', 'enrolment-refused')
  await at('/forgotten-password', 'forgotten')
  await at('/forgotten-password?tenant=fabrikam', 'forgotten-branded')
  await at(reset, 'reset')
  await at('/reset-password?token=x', 'reset-dead')
  await at(invitation, 'invitation')
  await page.fill('#password', 'password1')
  await page.fill('#again', 'password1')
  await press('main button', 'invitation-refused')
  await at('/invitation?token=x', 'invitation-dead')
  await at(verify, 'verify-email')
  await at('/verify-email?token=x')
  await press('main button', 'verify-email-dead')
  await at('/sign-in?tenant=nobody', 'no-such-tenant')
  await at('/account/nothing', 'not-found')
  await page.goto('about:blank')
  await page.setContent(`<form method="post" action="${url}/sign-out"><button>`)
  await press('button', 'forbidden')

  // the account
  await page.goto(`${url}/sign-in`)
  await signIn(page, { url, email, password })
  await at('/account?done=profile', 'profile')
  await page.setInputFiles('#picture', { name: 'me.png', mimeType: 'image/png', buffer: await page.screenshot({ clip: { x: 0, y: 0, width: 96, height: 96 } }) })
  await press('main form[action="/account/picture"] button', 'profile-picture')
  await press('main form[action$="/remove"] button')
  await press('main form[action="/account/picture"] button', 'profile-refused')
  await at('/account/password', 'password')
  await page.fill('#current_password', 'not the password')
  await page.fill('#new_password', 'velvet-anchor-monsoon')
  await page.fill('#again', 'velvet-anchor-monsoon')
  await press('main form button', 'password-refused')
  await at('/account/sessions', 'sessions')
  await at('/account/applications', look === 'light' ? 'applications-none' : 'applications')
  await at('/account/keys', 'keys')
  await page.click('summary')
  await take('keys-areas')
  await at('/account/keys')
  await page.fill('#name', 'Deployments')
  await press('main form:has(#name) button', 'key-made')
  await at('/account/tokens', 'tokens')
  await page.fill('#title', `Deployments, ${look}`)
  await page.selectOption('#role_organization', { index: 1 })
  await press('main form:has(#title) button', 'token-made')
  await at('/account/tokens', 'tokens-with-some')
  await at('/account/permissions', 'permissions')
  await at('/sign-out', 'sign-out')

  // applications
  await at(authorize(calendar, 'openid profile email groups offline_access events:write'), 'consent')
  await at(authorize(program, 'openid email'), 'consent-program')
  await page.click('button[value=allow]')
  await page.waitForSelector('a[href^="http://127.0.0.1/callback"]')
  await take('onward')
  if (look === 'light') await at('/account/applications', 'applications')
  await at(`/t/${slug}/device`, 'device')
  await page.fill('#user_code', 'AAAA-AAAA')
  await press('main button', 'device-wrong')
  await at(`/t/${slug}/device?user_code=${await deviceCode()}`)
  await press('main button', 'device-confirm')
  await press('button[value=allow]', 'device-allowed')
  await at(`/t/${slug}/device?user_code=${await deviceCode()}`)
  await press('main button')
  await press('button[value=deny]', 'device-denied')
  await at(`/t/${slug}/oauth2/end-session?client_id=${calendar.id}`, 'end-session')
  await at(`/t/${slug}/oauth2/authorize?client_id=nothing`, 'authorize-refused')

  // second factors
  await at('/account/factors?done=factor_first', 'factor-first')
  await at('/account/factors', 'factors-none')
  await press('main form:has([value="webauthn_passkey"]) button', 'passkey-add')
  await at('/account/factors')
  await press('main form:has([value="webauthn_fido"]) button', 'security-key-add')
  await at('/account/factors')
  await press('main form[action$="/app"] button', 'factor-add')
  await page.fill('#code', '000000')
  await press('main form button', 'factor-add-refused')
  await page.fill('#code', appCode(await page.textContent('.seed'), Date.now() / 1000))
  await page.fill('#name', 'My phone')
  await press('main form button', 'backup-codes')
  const [code] = await page.locator('.codes code').allTextContents()
  await press('main .button', 'factors')
  await at('/account/reauthenticate', 'reauthenticate')
  await press('.who button')
  await address(email)
  await secret(password, 'second-factor')
  await page.fill('#code', 'abcde-fghij')
  await press('main button', 'second-factor-refused')
  await page.fill('#code', code)
  await press('main button')
  // as it was, for the next look
  await at('/account/factors')
  await press('main form[action$="/remove"] button')
  await context.close()
}
await browser.close()
