// Pictures of each page: light, dark, and on a phone. Standard input: {"url", "email", "password", "invitation", "branded" (a sign-in page)}; argument: the folder.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DESK, PHONE, appCode, launch, signIn } from './browser.mjs'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const given = JSON.parse(Buffer.concat(chunks))
const { url } = given
const folder = process.argv[2]
const browser = await launch()
const looks = [
  ['light', { colorScheme: 'light', viewport: DESK }],
  ['dark', { colorScheme: 'dark', viewport: DESK }],
  ['phone', { colorScheme: 'light', viewport: PHONE, deviceScaleFactor: 2 }],
]
for (const [look, options] of looks) {
  mkdirSync(join(folder, look), { recursive: true })
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const take = (name) => page.screenshot({ path: join(folder, look, `${name}.png`), fullPage: true })
  const at = async (path, name) => {
    await page.goto(`${url}${path}`)
    await take(name)
  }
  await at('/sign-in', 'sign-in')
  await page.fill('#email', given.email)
  await page.click('main button')
  await take('sign-in-password')
  await page.fill('#password', 'not the password')
  await page.click('main button')
  await take('sign-in-refused')
  await at(given.branded, 'sign-in-branded')
  await at(given.invitation, 'invitation')
  await page.fill('#password', 'password1')
  await page.fill('#again', 'password1')
  await page.click('main button')
  await take('invitation-refused')
  await at('/invitation?token=x', 'invitation-dead')
  await at('/reset-password?token=x', 'reset-dead')
  await at('/verify-email?token=x', 'verify-email')
  await at('/account/nothing', 'not-found')
  await signIn(page, given)
  await at('/account?done=profile', 'profile')
  await at('/account/password', 'password')
  await at('/account/sessions', 'sessions')
  await at('/account/keys', 'keys')
  await page.click('summary')
  await take('keys-areas')
  await at('/account/tokens', 'tokens')
  await at('/account/permissions', 'permissions')
  await page.goto(`${url}/account/keys`)
  await page.fill('#name', 'Deployments')
  await page.click('main form:has(#name) button')
  await take('key-made')
  await at('/sign-out', 'sign-out')
  await at('/account/factors', 'factors-none')
  await page.click('main form[action$="/app"] button')
  await take('factor-add')
  await page.fill('#code', appCode(await page.textContent('.seed'), Date.now() / 1000))
  await page.fill('#name', 'My phone')
  await page.click('main form button')
  await take('backup-codes')
  const [code] = await page.locator('.codes code').allTextContents()
  await page.click('main .button')
  await take('factors')
  await at('/account/reauthenticate', 'reauthenticate')
  await page.click('.who button')
  await page.fill('#email', given.email)
  await page.click('main button')
  await page.fill('#password', given.password)
  await page.click('main button')
  await take('second-factor')
  await page.fill('#code', code)
  await page.click('main button')
  await page.waitForURL(`${url}/account`)
  // as it was, for the next look
  await page.goto(`${url}/account/factors`)
  await page.click('main form[action$="/remove"] button')
  await context.close()
}
await browser.close()
