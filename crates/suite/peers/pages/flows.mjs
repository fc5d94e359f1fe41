// What people come for, gone through in a real browser from the first page to the last, by the words that they read. Scripts are switched
// off, since these pages need none. What is wrong is printed, one finding a line; a line of JSON asks the test for what only it has (a
// mail, time to pass), and is answered on the next line of the standard input.
// First line: {"url", "hosts", "password", "people" (an address for each flow), "tenant", "home" (of an application), "provider"}.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { DESK, appCode, launch, watch } from './browser.mjs'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const told = async () => {
  const line = await lines.next()
  // the test is over
  if (line.done) process.exit(1)
  return JSON.parse(line.value)
}
const given = await told()
const { url, password, people } = given
const NEW = 'velvet-anchor-monsoon'
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0'
const ask = (what, of = {}) => {
  console.log(JSON.stringify({ ask: what, ...of }))
  return told()
}
const mailed = (to, path) => ask('mail', { to, path })
const pass = (seconds) => ask('pass', { seconds })

// the application that somebody is led home to
const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<h1>The application</h1>'))
await new Promise((listens) => server.listen(0, '127.0.0.1', listens))
const browser = await launch(`${given.hosts}, MAP ${new URL(given.home).hostname} 127.0.0.1:${server.address().port}`)
const found = []

// Somebody at a browser that was never here.
class Visitor {
  static async come(contexts, options = {}) {
    const context = await browser.newContext({ viewport: DESK, javaScriptEnabled: false, ...options })
    contexts.push(context)
    // what the provider's pages would fetch elsewhere
    await context.route('https://**', (route) => route.abort())
    const page = await context.newPage()
    watch(page, url, found)
    return Object.assign(new Visitor(), { context, page })
  }
  go(path) {
    return this.page.goto(path.startsWith('http') ? path : `${url}${path}`)
  }
  async at(path) {
    const there = path.startsWith('http') ? path : `${url}${path}`
    await this.page.waitForURL((now) => String(now) === there).catch(() => {
      throw new Error(`not at ${there}`)
    })
  }
  async see(words, exact = false) {
    await this.page.getByText(words, { exact }).filter({ visible: true }).first().waitFor().catch(() => {
      throw new Error(`“${words}” is not there`)
    })
  }
  async head(words) {
    await this.page.getByRole('heading', { level: 1, name: words }).waitFor().catch(() => {
      throw new Error(`“${words}” is not the heading`)
    })
  }
  async miss(words) {
    if (await this.page.getByText(words).count()) throw new Error(`“${words}” is there`)
  }
  type(label, text) {
    return this.page.getByLabel(label, { exact: true }).fill(text)
  }
  // The next page is there, with its pictures: words of the page before are not taken for its own.
  async lead(there) {
    await Promise.all([this.page.waitForEvent('framenavigated'), there.click()])
    await this.page.waitForLoadState()
  }
  press(name) {
    return this.lead(this.page.getByRole('button', { name, exact: true }))
  }
  follow(name) {
    return this.lead(this.page.getByRole('link', { name, exact: true }))
  }
  // The address, then the password.
  async prove(email, secret = password) {
    await this.type('E-mail address', email)
    await this.press('Next')
    await this.type('Password', secret)
    await this.press('Sign in')
  }
  async signIn(email, secret = password) {
    await this.go('/sign-in')
    await this.prove(email, secret)
    await this.at('/account')
    await this.see(email)
  }
  async signOut() {
    await this.press('Sign out')
    await this.at('/sign-in?done=signed_out')
    await this.see('You are signed out.')
  }
  // Their session has ended: the next page asks them to sign in.
  async isOut() {
    await this.go('/account/keys')
    await this.see('Sign in to go on.')
  }
  async app(seconds) {
    return appCode(await this.page.textContent('.seed'), seconds)
  }
  codes() {
    return this.page.locator('.codes code').allTextContents()
  }
  // A new password, the same one twice.
  async choose(secret) {
    await this.type('New password', secret)
    await this.type('The same password again', 'something-else-4711')
    await this.press('Set the password')
    await this.see('The two passwords are not the same.')
    await this.type('New password', secret)
    await this.type('The same password again', secret)
    await this.press('Set the password')
    await this.see('Your password is set. Sign in with it now.')
  }
}

const flow = async (name, does) => {
  const contexts = []
  const come = (options) => Visitor.come(contexts, options)
  const v = await come()
  try {
    await does(v, come)
  } catch (e) {
    const text = await v.page.locator('main').innerText({ timeout: 1_000 }).catch(() => '')
    found.push(`${name}: ${e.message.split('\n')[0]}, at ${v.page.url()}: ${text.replaceAll(/\s+/g, ' ').slice(0, 500)}`)
  }
  for (const context of contexts) await context.close()
}

await flow('signing in where the link names the tenant', async (v) => {
  await v.go(`/sign-in?tenant=${given.tenant.slug}&return_to=/account/sessions`)
  await v.head(`Sign in to ${given.tenant.name}`)
  await v.prove(given.tenant.email, 'not the password')
  await v.see('The e-mail address or the password is wrong.')
  await v.type('Password', password)
  await v.press('Sign in')
  await v.at('/account/sessions')
  await v.go('/account')
  await v.see(given.tenant.email)
})

await flow('signing in where the domain of the address names the tenant', async (v) => {
  await v.go('/account')
  await v.see('Sign in to go on.')
  await v.type('E-mail address', given.tenant.email)
  await v.press('Next')
  await v.head(`Sign in to ${given.tenant.name}`)
  await v.type('Password', password)
  await v.press('Sign in')
  await v.at('/account')
  await v.see(given.tenant.name, true)
})

await flow('an invitation', async (v) => {
  const link = await mailed(people.invited, '/invitation')
  await v.go(link)
  await v.head(/^Welcome/)
  await v.see('You were invited to Initech.')
  await v.choose(NEW)
  await v.head('Sign in to Initech')
  await v.prove(people.invited, NEW)
  await v.at('/account')
  await v.see(people.invited)
  // who followed the link has the address
  await v.see('verified', true)
  await v.go(link)
  await v.head('This link does not work any more')
})

await flow('an address to confirm', async (v) => {
  await v.signIn(people.profile)
  await v.see('not verified', true)
  await v.go(await mailed(people.profile, '/verify-email'))
  await v.head('Is this your address?')
  await v.press('Confirm the address')
  await v.go('/account')
  await v.see('verified', true)
})

await flow('a forgotten password', async (v, come) => {
  const other = await come()
  await other.signIn(people.forgetful)
  await v.go('/sign-in')
  await v.type('E-mail address', people.forgetful)
  await v.press('Next')
  await v.follow('Forgot your password?')
  await v.head('Forgotten password')
  await v.type('E-mail address', people.forgetful)
  await v.press('Send the link')
  await v.see('a mail is on its way')
  const link = await mailed(people.forgetful, '/reset-password')
  await v.go(link)
  await v.head('A new password')
  await v.choose(NEW)
  await v.prove(people.forgetful)
  await v.see('The e-mail address or the password is wrong.')
  await v.type('Password', NEW)
  await v.press('Sign in')
  await v.at('/account')
  await v.see(people.forgetful)
  await other.isOut()
  await v.go(link)
  await v.head('This link does not work any more')
})

await flow('another password', async (v, come) => {
  const other = await come()
  await other.signIn(people.changing)
  await v.signIn(people.changing)
  await v.go('/account/password')
  await v.type('Current password', 'not the password')
  await v.type('New password', NEW)
  await v.type('The same password again', NEW)
  await v.press('Change your password')
  await v.see('This is not your current password.')
  await v.type('Current password', password)
  await v.type('New password', NEW)
  await v.type('The same password again', NEW)
  await v.press('Change your password')
  await v.see('Your password is changed, and your other sessions have ended.')
  await other.isOut()
  await v.signOut()
  await v.prove(people.changing)
  await v.see('The e-mail address or the password is wrong.')
  await v.type('Password', NEW)
  await v.press('Sign in')
  await v.at('/account')
})

await flow('too many wrong passwords', async (v) => {
  await v.go('/sign-in')
  await v.type('E-mail address', people.guessed)
  await v.press('Next')
  for (let tries = 1; tries <= 10; tries += 1) {
    await v.type('Password', `a-guess-number-${tries}`)
    await v.press('Sign in')
    await v.see('The e-mail address or the password is wrong.')
  }
  await v.type('Password', password)
  await v.press('Sign in')
  await v.see(/Too many wrong passwords\. Try again in \d+ seconds\./)
  await pass(61)
  await v.type('Password', password)
  await v.press('Sign in')
  await v.at('/account')
})

await flow('an authenticator app', async (v) => {
  await v.signIn(people.careful)
  await v.go('/account/factors')
  await v.see('You have no second factor yet.')
  await v.press('Add the app')
  const seed = await v.page.textContent('.seed')
  await v.type('Code that the app shows', await v.app(await pass(0)))
  await v.press('Add the app')
  await v.head('Backup codes')
  const codes = await v.codes()
  if (codes.length !== 10) throw new Error(`${codes.length} backup codes`)
  await v.follow('I have kept them')
  await v.see('10 of your backup codes are left.')
  await v.signOut()
  await v.go('/sign-in?return_to=/account/factors')
  await v.prove(people.careful)
  await v.head('Your second factor')
  await v.type('Code', 'abcde-fghij')
  await v.press('Sign in')
  await v.see(/wrong or was used before/)
  await v.type('Code', appCode(seed, await pass(60)))
  await v.press('Sign in')
  await v.at('/account/factors')
  await v.signOut()
  await v.prove(people.careful)
  await v.type('Code', codes[0])
  await v.press('Sign in')
  await v.at('/account')
  await v.go('/account/factors')
  await v.see('9 of your backup codes are left.')
  // what takes a factor away wants to know first who it is
  await pass(1_000)
  await v.lead(v.page.getByRole('button', { name: /^Remove/ }))
  await v.head('Is it you?')
  const confirm = async (label, text) => {
    await v.type(label, text)
    await v.lead(v.page.locator('form').filter({ has: v.page.getByLabel(label, { exact: true }) }).getByRole('button'))
  }
  await confirm('Password', 'not the password')
  await v.see('This is not your password.')
  await confirm('Password', password)
  await v.at('/account/factors')
  await pass(1_000)
  await v.lead(v.page.getByRole('button', { name: /^Remove/ }))
  await v.head('Is it you?')
  await confirm('Code that the app shows', appCode(seed, await pass(60)))
  await v.at('/account/factors')
  await v.lead(v.page.getByRole('button', { name: /^Remove/ }))
  await v.see('The second factor is removed.')
  await v.signOut()
  await v.prove(people.careful)
  await v.at('/account')
})

await flow('a second factor that is demanded', async (v) => {
  await v.go('/sign-in?return_to=/account/keys')
  await v.prove(people.demanded)
  await v.head('One more step')
  const seed = await v.page.textContent('.seed')
  await v.type('Code that the app shows', appCode('A'.repeat(32), await pass(0)))
  await v.press('Add the app')
  await v.see(/wrong or was used before/)
  if (seed !== (await v.page.textContent('.seed'))) throw new Error('a wrong code changed the seed')
  await v.type('Code that the app shows', await v.app(await pass(0)))
  await v.press('Add the app')
  await v.head('Backup codes')
  await v.follow('I have kept them')
  await v.at('/account/keys')
  await v.signOut()
  await v.prove(people.demanded)
  await v.type('Code', appCode(seed, await pass(60)))
  await v.press('Sign in')
  await v.at('/account')
  // and it stays
  await v.go('/account/factors')
  await v.lead(v.page.getByRole('button', { name: /^Remove/ }))
  await v.page.locator('.problem').waitFor()
})

await flow('sessions', async (v, come) => {
  const other = await come({ userAgent: FIREFOX })
  const third = await come()
  await other.signIn(people.everywhere)
  await third.signIn(people.everywhere)
  await v.signIn(people.everywhere)
  await v.go('/account/sessions')
  await v.see('This browser', true)
  await v.press('End the session of Firefox on Linux')
  await v.see('The session has ended.')
  await v.miss('Firefox')
  await other.isOut()
  await third.go('/account/keys')
  await third.head('API keys')
  await v.press('Sign out everywhere else')
  await v.see('You are signed out everywhere but here.')
  await v.see('You are signed in nowhere else.')
  await third.isOut()
})

await flow('profile and picture', async (v) => {
  await v.signIn(people.profile)
  await v.type('First name', 'Grace')
  await v.type('Last name', 'Hopper')
  await v.type('Display name', 'Amazing Grace')
  await v.press('Save')
  await v.see('Your profile is saved.')
  const names = await Promise.all(['First name', 'Last name', 'Display name'].map((label) => v.page.getByLabel(label, { exact: true }).inputValue()))
  if (String(names) !== 'Grace,Hopper,Amazing Grace') throw new Error(`the names are ${names}`)
  const file = { name: 'me.png', mimeType: 'image/png', buffer: await v.page.screenshot({ clip: { x: 0, y: 0, width: 64, height: 64 } }) }
  await v.page.getByLabel('Choose a picture').setInputFiles(file)
  await v.press('Use this picture')
  await v.see('Your picture is saved.')
  const picture = v.page.getByRole('img', { name: /^Picture of/ })
  const wide = await picture.evaluate((image) => image.naturalWidth)
  if (wide !== 64) throw new Error(`the picture is shown ${wide} pixels wide`)
  await v.press('Remove the picture')
  await v.see('Your picture is removed.')
  if (await picture.count()) throw new Error('the picture is still there')
})

// What is made is shown once, works, and works no more when it was taken back.
const secretOnce = async (v, path, make, list, end, ended) => {
  await make()
  const secret = await v.page.inputValue('#secret')
  if (!(await ask('works', { secret }))) throw new Error('what was made does not work')
  await v.follow('I have copied it')
  await v.at(path)
  await v.see(list, true)
  if ((await v.page.content()).includes(secret)) throw new Error('the secret is shown again')
  await v.press(end)
  await v.see(ended)
  if (await v.page.getByRole('button', { name: end }).count()) throw new Error('it is still listed')
  if (await ask('works', { secret })) throw new Error('what was taken back still works')
}
await flow('an API key', async (v) => {
  await v.signIn(people.maker)
  await v.go('/account/keys')
  const make = async () => {
    await v.type('Name', 'nightly report')
    await v.press('Make an API key')
    await v.head('Your new API key')
  }
  await secretOnce(v, '/account/keys', make, 'nightly report', 'Revoke the key nightly report', 'The key is revoked.')
})
await flow('a personal access token', async (v) => {
  await v.signIn(people.maker)
  await v.go('/account/tokens')
  const make = async () => {
    await v.type('Title', 'deployments')
    await v.press('Make an access token')
    await v.see('Choose at least one role.')
    await v.page.getByLabel('Role in the organization').selectOption({ index: 1 })
    await v.press('Make an access token')
    await v.head('Your new access token')
  }
  await secretOnce(v, '/account/tokens', make, 'deployments', 'Delete the token deployments', 'The access token is deleted.')
})

await flow('a link that comes by mail', async (v, come) => {
  await ask('link', { email: people.plain })
  const link = await mailed(people.plain, '/v1beta1/auth/callback')
  await v.go(link)
  await v.at(given.home)
  await v.head('The application')
  const cookies = await v.context.cookies(url)
  if (!cookies.some((c) => c.name.includes('session') && c.httpOnly)) throw new Error(`cookies ${cookies.map((c) => c.name)}`)
  await v.go('/account')
  await v.see(people.plain)
  const again = await come()
  const answer = await again.go(link)
  if (answer.status() !== 400) throw new Error(`the link works again: ${answer.status()}`)
  await again.isOut()
})

if (given.provider) {
  const leave = async (v) => {
    await v.go('/sign-in?return_to=/account/keys')
    await v.type('E-mail address', people.federated)
    await v.press('Next')
    await v.follow('Sign in with Real')
    await v.page.locator('input[name=login]').waitFor()
    if (!v.page.url().startsWith(given.provider)) throw new Error('this is not the provider')
  }
  await flow('an OpenID provider', async (v) => {
    await leave(v)
    await v.page.fill('input[name=login]', 'ada-at-real')
    await v.page.fill('input[name=password]', 'any')
    await v.page.click('button[type=submit]')
    // it asks what it may tell
    await v.page.locator('input[name=prompt][value=consent]').waitFor({ state: 'attached' })
    await v.page.click('button[type=submit]')
    await v.at('/account/keys')
    await v.go('/account')
    await v.see(people.federated)
    const kept = (await v.context.cookies(url)).map((c) => c.name)
    if (kept.some((c) => c.includes('sign_in'))) throw new Error(`cookies ${kept}`)
    await v.signOut()
  })
  await flow('an OpenID provider that one turns back at', async (v) => {
    await leave(v)
    await v.page.click('a[href$="/abort"]')
    await v.see('You turned back at your identity provider.')
    await v.isOut()
  })
}

await browser.close()
server.close()
for (const line of found) console.log(line)
console.log(found.length === 0 ? 'nothing to object to' : `${found.length} findings`)
process.exit(found.length === 0 ? 0 : 1)
