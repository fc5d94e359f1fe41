// Looks at every page with a real browser: nothing that axe objects to, nothing that the Content-Security-Policy stopped, and a
// sign-in by keyboard alone with scripts switched off. What is wrong is printed, one finding a line.
// Standard input: {"url", "hosts", "email", "password", "invitation", "branded" (sign-in pages), "approver" (who must enrol a factor), "seconds" (the server's time)}.
import axe from 'axe-core'
import { DESK, PHONE, appCode, launch, signIn, watch } from './browser.mjs'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const given = JSON.parse(Buffer.concat(chunks))
const { url } = given
const browser = await launch(given.hosts)
const found = []
let looked = 0

const expect = (so, words) => {
  if (!so) found.push(words)
}
const look = async (page, name) => {
  looked += 1
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  for (const v of violations) {
    for (const node of v.nodes) found.push(`${name}: ${v.id} (${v.help}): ${node.html.slice(0, 160)} ${node.any.map((a) => a.message).join(' ')}`)
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  expect(!wide, `${name}: wider than the screen`)
}

// with scripts switched off, and without a mouse
{
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: DESK })
  const page = await context.newPage()
  const press = (key) => page.keyboard.press(key)
  const focused = (selector) => page.locator(`${selector}:focus`).count()
  await page.goto(`${url}/account/keys`)
  expect(await focused('#email'), 'typing does not begin in the address')
  await page.keyboard.type(given.email)
  await press('Enter')
  await page.waitForSelector('#password')
  expect(await focused('#password'), 'typing does not begin in the password')
  await page.keyboard.type('not the password')
  await press('Enter')
  await page.waitForSelector('.problem')
  await page.keyboard.type(given.password)
  await press('Enter')
  await page.waitForURL(`${url}/account/keys`)
  await page.goto(`${url}/account/sessions`)
  await press('Tab')
  expect(await focused('a.skip'), 'the first stop is not the way past the navigation')
  await press('Enter')
  expect(await page.locator('#main:focus, #main:target').count(), 'the way past the navigation leads nowhere')
  await page.goto(`${url}/account`)
  for (let i = 0; i < 5 && !(await focused('.who button')); i += 1) await press('Tab')
  expect(await focused('.who button'), 'the keyboard does not reach the way out')
  await press('Enter')
  await page.waitForURL(`${url}/sign-in?done=signed_out`)
  await context.close()
}

// every page in light and dark, on a phone and on a desk
for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [PHONE, DESK]) {
    const context = await browser.newContext({ colorScheme, viewport })
    const page = await context.newPage()
    const as = (name) => `${name} (${colorScheme}, ${viewport.width})`
    watch(page, url, found)
    const at = async (path, name = path) => {
      await page.goto(`${url}${path}`)
      await look(page, as(name))
    }
    await at('/sign-in')
    await at('/sign-in?done=signed_out')
    for (const path of given.branded) await at(path)
    await at(given.invitation, 'invitation')
    await page.fill('#password', 'password1')
    await page.fill('#again', 'password2')
    await page.click('main button')
    await look(page, as('invitation refused'))
    await at('/invitation?token=x')
    await at('/reset-password?token=x')
    await at('/verify-email?token=x')
    await at('/account/nothing')
    await page.goto(`${url}/sign-in`)
    await page.fill('#email', given.email)
    await page.click('main button')
    await look(page, as('password'))
    await page.fill('#password', 'not the password')
    await page.click('main button')
    await look(page, as('password refused'))
    await signIn(page, given)
    for (const path of ['', '/password', '/factors', '/reauthenticate', '/sessions', '/keys', '/tokens', '/permissions']) await at(`/account${path}`)
    await at('/account?done=profile')
    await at('/sign-out')
    await page.goto(`${url}/account/password`)
    await page.fill('#current_password', 'x')
    await page.fill('#new_password', 'x')
    await page.fill('#again', 'y')
    await page.click('main form button')
    await look(page, as('password change refused'))
    await page.goto(`${url}/account/keys`)
    await page.fill('#name', `a key of ${colorScheme}`)
    await page.click('main form:has(#name) button')
    await look(page, as('a new key'))
    const secret = await page.inputValue('#secret')
    expect(secret.startsWith('pcl_'), 'the new key is not shown')
    await at('/account/keys', 'keys, with some')
    await page.click('summary')
    await look(page, as('keys, with areas'))
    await page.goto(`${url}/account/factors`)
    await page.click('main form[action$="/app"] button')
    await look(page, as('an app to add'))
    expect((await page.locator('.qr svg').boundingBox()).width >= 160, as('the QR code is too small to scan'))
    const drawn = await page.locator('.qr').innerHTML()
    await page.fill('#code', '000000')
    await page.click('main form button')
    await look(page, as('an app to add, refused'))
    expect(drawn === (await page.locator('.qr').innerHTML()), as('a wrong code changed the seed'))
    await page.fill('#code', appCode(await page.textContent('.seed'), given.seconds))
    await page.click('main form button')
    await look(page, as('backup codes'))
    const codes = await page.locator('.codes code').allTextContents()
    expect(codes.length === 10, as('there are no ten backup codes'))
    await page.click('main .button')
    await look(page, as('factors, with one'))
    await at('/account/reauthenticate', 'reauthenticate, with an app')
    await page.click('.who button')
    await page.goto(`${url}/sign-in?return_to=/account/factors`)
    await page.fill('#email', given.email)
    await page.click('main button')
    await page.fill('#password', given.password)
    await page.click('main button')
    await look(page, as('second factor'))
    await page.fill('#code', 'abcde-fghij')
    await page.click('main button')
    await look(page, as('second factor refused'))
    await page.fill('#code', codes[0])
    await page.click('main button')
    await page.waitForURL(`${url}/account/factors`)
    await page.click('main form[action$="/remove"] button')
    await page.waitForURL(`${url}/account/factors?done=factor_removed`)
    await context.clearCookies()
    await page.goto(`${url}/sign-in`)
    await page.fill('#email', given.approver)
    await page.click('main button')
    await page.fill('#password', given.password)
    await page.click('main button')
    await page.waitForSelector('.qr')
    await look(page, as('a factor is demanded'))
    await context.close()
  }
}
await browser.close()
for (const line of found) console.log(line)
console.log(`looked at ${looked} pages: ${found.length === 0 ? 'nothing to object to' : `${found.length} findings`}`)
process.exit(found.length === 0 ? 0 : 1)
