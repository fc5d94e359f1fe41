// A passkey and a security key in a real browser, with authenticators that Chromium simulates (CDP WebAuthn): enrolled on the account's
// page, then used as the second step of a sign-in. What is wrong is printed, one finding a line.
// Standard input: {"url", "hosts", "email", "password"}.
import { DESK, launch, look, watch } from './browser.mjs'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const given = JSON.parse(Buffer.concat(chunks))
const { url } = given
const browser = await launch(given.hosts)
const found = []
const expect = (so, words) => {
  if (!so) found.push(words)
}
const context = await browser.newContext({ viewport: DESK })
const page = await context.newPage()
watch(page, url, found)
const cdp = await context.newCDPSession(page)
await cdp.send('WebAuthn.enable')
const authenticator = async (more) => {
  const options = { protocol: 'ctap2', automaticPresenceSimulation: true, hasUserVerification: true, isUserVerified: true, ...more }
  return (await cdp.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId
}
const password = async () => {
  await page.goto(`${url}/sign-in?return_to=/account/factors`)
  await page.fill('#email', given.email)
  await page.click('main button')
  await page.fill('#password', given.password)
  await page.click('main button')
}
const signOut = async () => {
  await page.click('.who button')
  await page.waitForURL(`${url}/sign-in?done=signed_out`)
}
const add = async (kind, name) => {
  await page.goto(`${url}/account/factors`)
  await page.click(`main form:has([value="${kind}"]) button`)
  await page.waitForSelector('#name')
  await page.fill('#name', name)
}

await password()
await page.waitForURL(`${url}/account/factors`)
await look(page, found, 'factors, none')
// there is no authenticator yet
const absent = await authenticator({ transport: 'usb', hasUserVerification: false, isUserVerified: false })
await add('webauthn_passkey', 'My laptop')
await look(page, found, 'a passkey to add')
await page.click('main form button')
await page.waitForSelector('main form [role="alert"]:not([hidden])').catch(() => found.push('a refusal of the authenticator is not told'))
await look(page, found, 'a passkey to add, refused')
await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: absent })

const platform = await authenticator({ transport: 'internal', hasResidentKey: true })
await add('webauthn_passkey', 'My laptop')
await page.click('main form button')
await page.waitForSelector('.codes')
await look(page, found, 'backup codes')
const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: platform })
expect(credentials.length === 1 && credentials[0].isResidentCredential && credentials[0].rpId === 'localhost', 'the passkey is no passkey')
await page.click('main .button')
await look(page, found, 'factors, with a passkey')
expect(await page.getByText('Passkey “My laptop”').count(), 'the passkey is not listed')
await signOut()
await password()
await page.waitForSelector('[data-webauthn="use"] button')
await look(page, found, 'second factor, with a passkey')
await page.click('[data-webauthn="use"] button')
await page.waitForURL(`${url}/account/factors`)

// with the passkey alone
await signOut()
await page.goto(`${url}/sign-in?return_to=/account/keys`)
await page.click('form.other button')
await page.waitForSelector('[data-webauthn="use"] button')
await look(page, found, 'a passkey alone')
await page.click('[data-webauthn="use"] button')
await page.waitForURL(`${url}/account/keys`)

// the same authenticator is not enrolled twice
await add('webauthn_passkey', 'Again')
await page.click('main form button')
await page.waitForSelector('main form [role="alert"]:not([hidden])')

// a key that is touched and asks for nothing
await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: platform })
await authenticator({ transport: 'usb', hasUserVerification: false, isUserVerified: false })
await add('webauthn_fido', 'My key')
await page.click('main form button')
await page.waitForURL(`${url}/account/factors?done=factor_added`)
expect(await page.getByText('Security key “My key”').count(), 'the security key is not listed')
await signOut()
await password()
await page.click('[data-webauthn="use"] button')
await page.waitForURL(`${url}/account/factors`)

await browser.close()
for (const line of found) console.log(line)
console.log(found.length === 0 ? 'nothing to object to' : `${found.length} findings`)
process.exit(found.length === 0 ? 0 : 1)
