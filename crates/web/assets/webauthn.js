// The only script: browsers speak to passkeys and security keys in no other way. It fetches nothing; what the authenticator answers is
// put into the form, which is sent like any other. The form is hidden where there is no script, or no WebAuthn.
(() => {
  const form = document.querySelector('form[data-webauthn]')
  if (!form || !window.PublicKeyCredential) return
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
  const text = (buffer) => {
    const said = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('')
    return btoa(said).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  }
  const known = (list) => (list || []).map((credential) => ({ ...credential, id: bytes(credential.id) }))

  const make = async (options) => {
    const user = { ...options.user, id: bytes(options.user.id) }
    const publicKey = { ...options, user, excludeCredentials: known(options.excludeCredentials) }
    const made = await navigator.credentials.create({ publicKey })
    const { clientDataJSON, attestationObject } = made.response
    const transports = made.response.getTransports ? made.response.getTransports() : []
    return [made, { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject), transports }]
  }
  const use = async (options) => {
    const publicKey = { ...options, allowCredentials: known(options.allowCredentials) }
    const used = await navigator.credentials.get({ publicKey })
    const { clientDataJSON, authenticatorData, signature, userHandle } = used.response
    const response = { clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) }
    return [used, userHandle ? { ...response, userHandle: text(userHandle) } : response]
  }

  const problem = form.querySelector('[role="alert"]')
  const button = form.querySelector('button')
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    problem.hidden = true
    button.disabled = true
    try {
      const options = JSON.parse(form.dataset.options)
      const challenge = bytes(options.challenge)
      const [credential, response] = await (form.dataset.webauthn === 'make' ? make : use)({ ...options, challenge })
      const clientExtensionResults = credential.getClientExtensionResults()
      const answer = { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults }
      form.elements.credential.value = JSON.stringify(answer)
      form.submit()
    } catch {
      // the person said no, nobody was there in time, or the authenticator is enrolled already
      problem.hidden = false
      button.disabled = false
      button.focus()
    }
  })
  form.hidden = false
})()
