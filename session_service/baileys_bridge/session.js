import makeWASocket, {
  BufferJSON,
  DEFAULT_CONNECTION_CONFIG,
  areJidsSameUser,
  generateWAMessageContent,
  getBinaryNodeChildren,
  initAuthCreds,
  isJidBroadcast,
  isJidNewsletter,
  jidDecode,
  jidNormalizedUser,
  proto
} from 'baileys'
import { BoundedCache, BoundedMap } from './bounded.js'
import { Groups } from './groups.js'
import { onBehalfOf } from './guard.js'
import { ackOf, readVote, receiptOf, translate } from './incoming.js'
import { Keys } from './keys.js'
import { fetchFile } from './media.js'
import { contentOf, pollSecret, quotedBy } from './outgoing.js'
import { identify, isGroup, jidOf, lidOf, numberOf } from './people.js'
import { silent } from './silent-logger.js'

const PAIRING_CODE_SECONDS = 160 // WhatsApp's server hands out six references: 60 s and five times 20 s
const FIRST_QR_SECONDS = 60
const QR_SECONDS = 20
const MOST_UNWRITTEN = 100 // events that the worker has not written yet; beyond it, the socket is not read
const SECONDS_TO_CLOSE = 1
const STOPPED = Symbol('stopped')

/**
 * One WhatsApp connection: an instance lives from `open` to its end and is never opened again. It decides nothing;
 * whether there will be another, and when, is the worker's decision.
 */
export class Session {
  #unwritten = new Set()
  #envelopes = new WeakMap()
  #sending = Promise.resolve()
  #paused = false
  #ended = false
  #available

  /**
   * @param {object} order  the worker's `open`
   * @param {import('./channel.js').Channel} channel
   * @param {object} settings  the worker's `hello`
   * @param {BoundedMap} acknowledged  ids that the server took, of all sessions of this process
   */
  constructor(order, channel, settings, acknowledged) {
    this.number = order.session
    this.sender = order.sender
    this.pairingNumber = order.pairing_number ?? ''
    this.channel = channel
    this.settings = settings
    this.acknowledged = acknowledged
    this.creds = order.creds ? JSON.parse(order.creds, BufferJSON.reviver) : initAuthCreds()
    this.keys = new Keys(
      wanted => channel.ask({ ask: 'keys', session: this.number, wanted }),
      keys => this.#tell({ event: 'keys', keys })
    )
  }

  open() {
    onBehalfOf(this, () => {
      this.socket = makeWASocket(this.#config())
      this.groups = new Groups(this.socket)
      // A message that is sent again is asked for over the protocol; a copy of each would fill the memory.
      if (this.socket.messageRetryManager) this.socket.messageRetryManager.addRecentMessage = () => {}
      this.#listen()
    })
  }

  #config() {
    const { websocket_url: url, keep_alive_seconds: seconds } = this.settings
    return {
      auth: { creds: this.creds, keys: this.keys },
      logger: silent,
      ...(url ? { waWebSocketUrl: url } : {}),
      // Sessions that were opened together should not all wake up together.
      keepAliveIntervalMs: seconds * 1000 * (0.85 + 0.3 * Math.random()),
      defaultQueryTimeoutMs: 30_000,
      markOnlineOnConnect: false,
      syncFullHistory: false,
      shouldSyncHistoryMessage: () => false,
      emitOwnEvents: false,
      generateHighQualityLinkPreview: false,
      transactionOpts: { maxCommitRetries: 3, delayBetweenTriesMs: 200 },
      shouldIgnoreJid: jid => Boolean(isJidBroadcast(jid) || isJidNewsletter(jid)),
      cachedGroupMetadata: jid => this.groups.metadata(jid),
      getMessage: key => this.#rebuild(key.id),
      msgRetryCounterCache: this.#retries(),
      userDevicesCache: new BoundedCache(500, 300),
      callOfferCache: new BoundedCache(20, 300),
      placeholderResendCache: new BoundedCache(50, 3600),
      makeSignalRepository: (...parts) => this.#deliverBeforeRatchet(...parts)
    }
  }

  /** The counters of retries outlive a connection, so that a message is not asked for without end. */
  #retries() {
    const { retries } = this.settings
    if (!retries.has(this.sender)) retries.set(this.sender, new BoundedCache(200, 3600))
    return retries.get(this.sender)
  }

  // -- What the socket says --

  #listen() {
    const { ws, ev } = this.socket
    ws.on('error', () => {}) // Baileys removes its own listeners when it ends, and an error may follow
    replace(ws, 'message', original => async data => {
      try {
        await original(data)
      } catch (error) {
        this.fail(error) // a frame that cannot be decrypted or read
      }
    })
    ws.prependListener('CB:message', node => this.#noteEnvelope(node))
    replace(ws, 'CB:receipt', original => node => this.#onReceipt(node, original))
    ws.on('CB:ack,class:message', node => this.#onAck(node))
    ev.on('creds.update', () => this.#saveCredentials())
    ev.on('connection.update', update => this.#onConnection(update))
    ev.on('messages.upsert', update => this.#onResent(update))
    ev.on('groups.update', updates => updates.forEach(({ id }) => this.groups.forget(id)))
    ev.on('group-participants.update', ({ id }) => this.groups.forget(id))
  }

  #tell(line) {
    if (!this.#ended) this.channel.tell({ ...line, session: this.number })
  }

  /** Reports an event and waits until the worker has written it. Without an end where the session ends first. */
  async #deliver(event) {
    if (this.#ended) return new Promise(() => {})
    const { number, written } = this.channel.deliver({ ...event, session: this.number })
    this.#unwritten.add(number)
    this.regulate()
    await written
    this.#unwritten.delete(number)
    this.regulate()
  }

  /** Reads the socket only while the worker keeps up with what is reported. */
  regulate() {
    const full = this.#unwritten.size >= MOST_UNWRITTEN || this.settings.isFull()
    if (full === this.#paused || this.#ended) return
    this.#paused = full
    full ? this.socket.ws.socket?.pause() : this.socket.ws.socket?.resume()
  }

  #saveCredentials() {
    // Before it is linked there is nothing to keep: a connection that is lost then starts anew.
    if (this.creds.account) this.#tell({ event: 'creds', creds: JSON.stringify(this.creds, BufferJSON.replacer) })
  }

  #onConnection({ connection, qr, isNewLogin, lastDisconnect, reachoutTimeLock }) {
    if (qr) this.#onQr(qr)
    if (isNewLogin) this.#saveCredentials()
    if (connection === 'open') {
      const { id, lid } = this.socket.user
      this.#tell({ event: 'open', number: numberOf(jidNormalizedUser(id)), lid: lidOf(jidNormalizedUser(lid ?? '')) })
    }
    if (reachoutTimeLock) {
      const until = reachoutTimeLock.isActive ? (reachoutTimeLock.timeEnforcementEnds?.getTime() ?? 0) / 1000 : 0
      this.#tell({ event: 'limit', active: reachoutTimeLock.isActive, until })
    }
    if (connection === 'close') this.#end(lastDisconnect?.error)
  }

  #onQr(text) {
    const seconds = this.shownQr ? QR_SECONDS : FIRST_QR_SECONDS
    const first = !this.shownQr
    this.shownQr = true
    if (!this.pairingNumber) return this.#tell({ event: 'qr', text, expires_in: seconds })
    if (!first) return undefined
    return this.socket.requestPairingCode(this.pairingNumber.replace(/\D/g, '')).then(
      code => this.#tell({ event: 'pairing_code', code, expires_in: PAIRING_CODE_SECONDS }),
      error => this.fail(error)
    )
  }

  #onAck(node) {
    const ack = ackOf(node)
    if (!ack.error) this.acknowledged.set(`${this.sender}/${ack.id}`, true)
    this.#tell({ event: 'ack', ...ack })
  }

  async #onReceipt(node, original) {
    const receipt = receiptOf(node, jid => this.#isMe(jid))
    if (receipt) await this.#deliver({ event: 'receipt', ...receipt })
    return original(node)
  }

  #isMe(jid) {
    const { id, lid } = this.creds.me ?? {}
    return areJidsSameUser(jid, id) || areJidsSameUser(jid, lid)
  }

  // -- Messages from people --

  /** Remembers which stanza a ciphertext came in: decryption is given the ciphertext alone. */
  #noteEnvelope(node) {
    for (const part of getBinaryNodeChildren(node, 'enc')) {
      if (part.content instanceof Uint8Array) this.#envelopes.set(part.content, node)
    }
  }

  /**
   * Baileys acknowledges a message to WhatsApp right after it was decrypted, and keeps the keys' next state. Here both
   * wait until the worker has written the message: a process that is killed before that gets it again and can read it.
   */
  #deliverBeforeRatchet(auth, logger, lookUp) {
    const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, lookUp)
    const wrap = (decrypt, ciphertext, key) =>
      auth.keys.transaction(async () => {
        const plain = await decrypt()
        const node = this.#envelopes.get(ciphertext)
        if (node) await this.#onPlain(node, plain, repository)
        return plain
      }, key)
    return {
      ...repository,
      decryptMessage: given => wrap(() => repository.decryptMessage(given), given.ciphertext, given.jid),
      decryptGroupMessage: given => wrap(() => repository.decryptGroupMessage(given), given.msg, given.group)
    }
  }

  async #onPlain({ attrs }, plain, repository) {
    const { from, participant, recipient, id, t, notify } = attrs
    const author = participant ?? from
    if (recipient || this.#isMe(author)) return // another device of ours
    const others = ['sender_pn', 'participant_pn', 'sender_lid', 'participant_lid'].map(name => attrs[name])
    await this.#onMessage(
      {
        id,
        at: Number(t ?? 0),
        name: notify ?? '',
        group: isGroup(from) ? from : '',
        from: await identify([author, ...others], repository.lidMapping)
      },
      read(plain)
    )
  }

  /** A message that the phone sent again because this device could not read it. */
  #onResent({ messages, requestId }) {
    if (!requestId) return // the others were delivered when they were decrypted
    for (const { key, message, messageTimestamp, pushName } of messages) {
      if (key.fromMe || !message) continue
      const jids = [key.participant ?? key.remoteJid, key.participantAlt, key.remoteJidAlt]
      const group = isGroup(key.remoteJid) ? key.remoteJid : ''
      identify(jids, this.socket.signalRepository.lidMapping)
        .then(from => ({ id: key.id, at: Number(messageTimestamp ?? 0), name: pushName ?? '', group, from }))
        .then(envelope => this.#onMessage(envelope, message))
        .catch(error => this.fail(error))
    }
  }

  async #onMessage(envelope, message) {
    const said = this.#translate(message)
    if (!said) return
    if (said.changed !== undefined) {
      await this.#deliver({ event: 'changed', id: said.changed, at: envelope.at, text: said.text, deleted: said.deleted })
      return
    }
    const { file, vote, quotedAuthor, ...rest } = said
    const event = { event: 'inbound', ...envelope, ...(vote ? await this.#readVote(vote, envelope) : rest) }
    if (event.content.reply_to) event.content.reply_to.from_me = this.#isMe(quotedAuthor)
    if (event.kind === 'reaction') event.content.from_me = this.#wroteReactedTo(message)
    if (file) event.media = await this.#fetch(file)
    await this.#deliver(event)
  }

  #translate(message) {
    try {
      return translate(message)
    } catch {
      return { kind: 'unsupported', text: '', content: { name: 'unreadable' } }
    }
  }

  /** People say whose message it was as they see it: not from them, hence from us, where there are only two. */
  #wroteReactedTo(message) {
    const key = message.reactionMessage?.key ?? {}
    return key.participant ? this.#isMe(key.participant) : !key.fromMe
  }

  #fetch(file) {
    const { media_folder: folder, media_most_bytes: most, media_seconds: seconds } = this.settings
    const host = async () => (await this.socket.refreshMediaConn(), this.socket.getMediaHost())
    return fetchFile(file, { folder, most, seconds, host })
  }

  async #readVote(vote, { from }) {
    const id = vote.pollCreationMessageKey?.id ?? ''
    const poll = await this.channel.ask({ ask: 'message', session: this.number, id })
    const { id: me, lid } = this.creds.me
    const jids = {
      ours: [me, lid].filter(Boolean),
      theirs: [from.number && jidOf({ number: from.number }), from.lid && jidOf({ lid: from.lid })].filter(Boolean)
    }
    const secret = pollSecret(this.creds, id)
    const options = poll?.kind === 'poll' ? readVote(vote, { secret, options: poll.content.options }, jids) : null
    if (options === null) return { kind: 'unsupported', text: '', content: { name: 'pollUpdateMessage' } }
    return { kind: 'poll_vote', text: '', content: { to: id, options } }
  }

  // -- Messages to people --

  /** Sends messages one after the other. What comes of each is told in an `ack` or an `unsent`. */
  send(messages) {
    for (const message of messages) {
      this.#sending = this.#sending.then(() => this.#sendOne(message))
    }
  }

  async #sendOne(message) {
    if (this.#ended) return
    try {
      const jid = jidOf(message.to)
      if (!isGroup(jid) && !(await this.#hasDevices(jid))) {
        this.#tell({ event: 'unsent', id: message.id, code: 'not_on_whatsapp', text: '' })
        return
      }
      await this.socket.sendMessage(jid, contentOf(message, jid, this.creds), {
        messageId: message.id,
        quoted: quotedBy(message, jid)
      })
    } catch (error) {
      const code = error?.output?.statusCode
      this.#tell({ event: 'unsent', id: message.id, code: code ? String(code) : 'failed', text: textOfError(error) })
    }
  }

  /**
   * Baileys would send a message to somebody without WhatsApp to nobody, and the server would acknowledge it. The
   * answer is cached, and Baileys asks the same again when it sends.
   */
  async #hasDevices(jid) {
    const own = jid.endsWith('@lid') && this.creds.me.lid ? this.creds.me.lid : this.creds.me.id
    const devices = await this.socket.getUSyncDevices([jidNormalizedUser(own), jid], true, false)
    const { user } = jidDecode(jid)
    return devices.some(device => device.user === user) || this.#isMe(jid)
  }

  /** A message of ours that a device could not decrypt, made again from what the worker's ledger has. */
  async #rebuild(id) {
    const message = await this.channel.ask({ ask: 'message', session: this.number, id })
    if (!message) return undefined
    const jid = jidOf(message.to)
    return generateWAMessageContent(contentOf({ ...message, id }, jid, this.creds), {
      logger: silent,
      upload: this.socket.waUploadToServer
    })
  }

  /** “typing…” is shown only for somebody who is online, so the session is for that while. */
  async typing({ to, seconds }) {
    clearTimeout(this.#available)
    await this.socket.sendPresenceUpdate('available')
    await this.socket.sendPresenceUpdate('composing', jidOf(to))
    this.#available = setTimeout(() => {
      if (!this.#ended) this.socket.sendPresenceUpdate('unavailable').catch(() => {})
    }, seconds * 1000)
  }

  // -- Questions --

  async checkNumbers({ numbers }) {
    const jids = numbers.map(number => jidOf({ number }))
    const answers = (await this.socket.onWhatsApp(...jids)) ?? []
    const existing = answers.filter(answer => answer.exists).map(answer => numberOf(jidNormalizedUser(answer.jid)))
    const pairs = existing.length
      ? await this.socket.signalRepository.lidMapping.getLIDsForPNs(existing.map(number => jidOf({ number })))
      : []
    const lids = Object.fromEntries((pairs ?? []).map(({ pn, lid }) => [numberOf(jidNormalizedUser(pn)), lid]))
    return numbers.map(number => ({
      number,
      exists: existing.includes(number),
      lid: lids[number] ? lidOf(jidNormalizedUser(lids[number])) : ''
    }))
  }

  async limit() {
    const { isActive, timeEnforcementEnds } = await this.socket.fetchAccountReachoutTimelock()
    return { active: isActive, until: (timeEnforcementEnds?.getTime() ?? 0) / 1000 }
  }

  // -- The end --

  /** Something broke that belongs to this session: it ends, and the others go on. */
  fail(error) {
    this.#tell({ event: 'trouble', text: textOfError(error) })
    this.#end(error)
    this.#disconnect()
  }

  async close({ logout }) {
    if (logout && this.creds.account) await this.socket.logout().catch(() => {})
    this.#end(STOPPED)
    this.#disconnect()
  }

  #end(error) {
    if (this.#ended) return
    clearTimeout(this.#available)
    if (error !== STOPPED) {
      const code = error?.output?.statusCode ?? 500
      this.#tell({ event: 'closed', code, text: textOfError(error) })
    }
    this.#ended = true
    this.channel.forget(this.#unwritten)
    this.settings.forget(this)
  }

  #disconnect() {
    const raw = this.socket.ws.socket
    Promise.resolve(this.socket.end(undefined)).catch(() => {})
    setTimeout(() => raw?.terminate(), SECONDS_TO_CLOSE * 1000).unref()
  }
}

/** Puts `wrap(original)` in the place of the one listener that there is. */
function replace(emitter, event, wrap) {
  const [original] = emitter.listeners(event)
  emitter.removeListener(event, original)
  emitter.on(event, wrap(original))
}

/** A decrypted message without its padding; own devices' copies carry it inside. */
function read(plain) {
  const message = proto.Message.decode(plain.subarray(0, plain.length - plain[plain.length - 1]))
  return message.deviceSentMessage?.message ?? message
}

/** What is said of an error: never more than its first line, for a library may put a stanza into the rest. */
function textOfError(error) {
  return String(error?.message ?? error ?? '')
    .split('\n')[0]
    .slice(0, 200)
}
