// A real SAML identity provider, and the browser of whoever signs in there. The first line of the standard input says who it is, who we
// are and what time it is; each line after it is a place where the browser is sent, and who signs in there. Each answer is a line. A
// browser that comes by itself is shown a page with a button.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const given = JSON.parse((await lines.next()).value)

// the suite's clock stands where it was set; assertions are made at its time
const System = Date
const ahead = given.now * 1000 - System.now()
globalThis.Date = class extends System {
  constructor(...when) { when.length ? super(...when) : super(System.now() + ahead) }
  static now() { return System.now() + ahead }
}
// its remarks are no answers
console.log = console.warn = console.error
const { default: samlify } = await import('samlify')
samlify.setSchemaValidator({ validate: async () => 'it is not looked at' })

const http = createServer()
await new Promise((ready) => http.listen(0, '127.0.0.1', ready))
const here = `http://127.0.0.1:${http.address().port}`
const person = (names) => names.map((n) => `<saml:Attribute Name="${n}"><saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">{${n}}</saml:AttributeValue></saml:Attribute>`).join('')
const context = samlify.SamlLib.defaultLoginResponseTemplate.context
  .replace('{AttributeStatement}', `<saml:AttributeStatement>${person(['mail', 'first', 'last', 'group'])}</saml:AttributeStatement>`)
  .replace('{AuthnStatement}', '<saml:AuthnStatement AuthnInstant="{IssueInstant}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>')
const idp = samlify.IdentityProvider({
  entityID: `${here}/metadata`,
  singleSignOnService: [{ Binding: samlify.Constants.namespace.binding.redirect, Location: `${here}/sso` }],
  nameIDFormat: [samlify.Constants.namespace.format.persistent],
  privateKey: given.key,
  signingCert: given.certificate,
  wantAuthnRequestsSigned: true,
  requestSignatureAlgorithm: samlify.Constants.algorithms.signature.RSA_SHA256,
  isAssertionEncrypted: given.encrypted,
  dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  loginResponseTemplate: { context, attributes: [] },
})
// what it knows of us is our metadata
let sp

const later = (seconds) => new Date(Date.now() + seconds * 1000).toISOString()
async function answer(query, who) {
  const octetString = query.slice(0, query.indexOf('&Signature='))
  const asked = query ? await idp.parseLoginRequest(sp, 'redirect', { query: Object.fromEntries(new URLSearchParams(query)), octetString }) : null
  const acs = sp.entityMeta.getAssertionConsumerService('post')
  const fill = (template) => {
    const id = idp.entitySetting.generateID()
    const tags = {
      ID: id, AssertionID: idp.entitySetting.generateID(), Destination: acs, SubjectRecipient: acs,
      Audience: sp.entityMeta.getEntityID(), Issuer: idp.entityMeta.getEntityID(), IssueInstant: later(0),
      NameIDFormat: samlify.Constants.namespace.format.persistent, NameID: who.sub, StatusCode: samlify.Constants.StatusCode.Success,
      ConditionsNotBefore: later(-10), ConditionsNotOnOrAfter: later(300), SubjectConfirmationDataNotOnOrAfter: later(300),
      InResponseTo: asked?.extract.request.id, mail: who.mail, first: who.first, last: who.last, group: who.group,
    }
    let text = samlify.SamlLib.replaceTagsByValue(template, tags)
    if (!asked) text = text.replaceAll(/ InResponseTo="[^"]*"/g, '')
    return { id, context: text }
  }
  const made = await idp.createLoginResponse(sp, asked ?? {}, 'post', who, fill)
  return { acs, SAMLResponse: made.context, request: asked?.extract.request.id }
}
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
http.on('request', async (request, response) => {
  const { pathname, search } = new URL(request.url, here)
  if (pathname === '/metadata') return response.setHeader('content-type', 'application/samlmetadata+xml').end(idp.getMetadata())
  try {
    const { acs, SAMLResponse } = await answer(search.slice(1), given.visitor)
    response.setHeader('content-type', 'text/html').end(`<!doctype html><title>Provider</title><form method="post" action="${escaped(acs)}">
<input type="hidden" name="SAMLResponse" value="${escaped(SAMLResponse)}"><input type="hidden" name="RelayState" value="">
<button name="continue">Continue</button></form>`)
  } catch (e) {
    response.writeHead(400).end(String(e))
  }
})

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)
say({ metadata_url: `${here}/metadata` })
for await (const line of { [Symbol.asyncIterator]: () => lines }) {
  const told = JSON.parse(line)
  try {
    if (told.metadata) sp = samlify.ServiceProvider({ metadata: told.metadata })
    say(told.sub ? await answer(told.url ? new URL(told.url).search.slice(1) : '', told) : {})
  } catch (e) {
    say({ error: String(e?.stack ?? e) })
  }
}
process.exit(0)
