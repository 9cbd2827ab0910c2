"""Words with which people leave and return, and the product's texts about it, by language.

A word is here only if, as a whole message, it can hardly mean anything else. Left out on purpose:

- what cancels an order or an appointment as well: CANCEL, END, CANCELAR, BATAL, ANNULER, İPTAL, ОТМЕНА, ยกเลิก, 取消, إلغاء;
- what answers a question: NO, TIDAK, NÃO, НЕТ, NEIN, لا, BASTA, OUT, KELUAR ("it is out"), SALIR;
- what is something else without its accents: Vietnamese HỦY is the name Huy, and DỪNG ("stop") is ĐÚNG ("right");
- what is an everyday word elsewhere: Swahili ACHA is "okay" in Hindi, Chinese TD is "all" in Portuguese, Portuguese
  PARE is "mate" in Filipino, Turkish DUR is "tough" in French, ALTO is "tall" and BAIXA "low";
- what is said in fun or asks to wait: STOP IT, 그만, रुको, থামুন; and a hotel's "check-out", ODJAVA.

An organization can add any of them. Words that return act only on who left before, and are as narrow: YES is none.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """`stop` and `start` are words or phrases, the first of each as the texts name it. A language without texts of its
    own lends only its words."""

    name: str  # as its speakers call it
    stop: tuple[str, ...]
    start: tuple[str, ...]
    unsubscribe: str = ""
    opted_out: str = ""
    opted_in: str = ""


ENGLISH = "en"
LANGUAGES: dict[str, Language] = {
    "en": Language(
        "English",
        (
            *("STOP", "UNSUBSCRIBE", "STOPALL", "OPT OUT", "QUIT", "REMOVE ME", "UNSUBSCRIBE ME", "PLEASE STOP"),
            *("STOP PLEASE", "STOP MESSAGES", "STOP MESSAGING ME", "STOP SENDING MESSAGES", "STOP TEXTING ME"),
            *("STOP SPAM", "DO NOT MESSAGE ME", "DON'T MESSAGE ME", "LEAVE ME ALONE"),
        ),
        ("START", "UNSTOP", "SUBSCRIBE", "RESUBSCRIBE", "OPT IN"),
        "Reply STOP to unsubscribe.",
        "You will get no more messages from us. Reply START to get them again.",
        "Welcome back: you will get our messages again. Reply STOP to unsubscribe.",
    ),
    "id": Language(
        "Bahasa Indonesia",
        (
            *("BERHENTI", "STOP", "UNREG", "BERHENTI BERLANGGANAN", "HENTIKAN", "SETOP", "STOP PESAN"),
            *("JANGAN KIRIM PESAN LAGI", "JANGAN HUBUNGI SAYA LAGI", "TOLONG BERHENTI"),
        ),
        ("MULAI", "BERLANGGANAN", "LANGGANAN", "MULAI LAGI"),
        "Balas BERHENTI untuk berhenti berlangganan.",
        "Anda tidak akan menerima pesan dari kami lagi. Balas MULAI untuk menerimanya kembali.",
        "Selamat datang kembali: Anda akan menerima pesan kami lagi. Balas BERHENTI untuk berhenti berlangganan.",
    ),
    "ms": Language(
        "Bahasa Melayu",
        ("BERHENTI", "HENTI", "HENTIKAN", "BERHENTI LANGGAN", "JANGAN HANTAR LAGI"),
        ("MULA", "LANGGAN", "MULA SEMULA"),
        "Balas BERHENTI untuk berhenti melanggan.",
        "Anda tidak akan menerima mesej kami lagi. Balas MULA untuk menerimanya semula.",
        "Selamat kembali: anda akan menerima mesej kami semula. Balas BERHENTI untuk berhenti melanggan.",
    ),
    "pt": Language(
        "Português",
        (
            *(
                "PARAR",
                "SAIR",
                "DESCADASTRAR",
                "DESCADASTRE",
                "DESINSCREVER",
                "ME REMOVA",
                "ME TIRE",
            ),
            *("CANCELAR INSCRIÇÃO", "CANCELAR ASSINATURA", "PARE DE ENVIAR", "NÃO ENVIE MAIS", "REMOVA MEU NÚMERO"),
        ),
        ("VOLTAR", "INICIAR", "COMEÇAR", "INSCREVER", "REATIVAR"),
        "Responda PARAR para não receber mais mensagens.",
        "Você não receberá mais mensagens nossas. Responda VOLTAR para recebê-las de novo.",
        "Que bom ter você de volta: você receberá nossas mensagens de novo. Responda PARAR para sair.",
    ),
    "es": Language(
        "Español",
        (
            *("BAJA", "PARAR", "DARME DE BAJA", "DAR DE BAJA", "DAME DE BAJA", "DESUSCRIBIR", "DESUSCRIBIRME"),
            *("CANCELAR SUSCRIPCIÓN", "CANCELAR SUBSCRIPCIÓN", "ELIMÍNAME", "NO MÁS MENSAJES", "NO ENVIAR MÁS"),
            *("DEJA DE ESCRIBIRME", "DEJEN DE ESCRIBIRME"),
        ),
        ("ALTA", "INICIAR", "VOLVER", "SUSCRIBIR", "SUSCRIBIRME", "DARME DE ALTA"),
        "Responde BAJA para no recibir más mensajes.",
        "No recibirás más mensajes nuestros. Responde ALTA para volver a recibirlos.",
        "Bienvenido de nuevo: volverás a recibir nuestros mensajes. Responde BAJA para dejar de recibirlos.",
    ),
    "fr": Language(
        "Français",
        (
            *("ARRÊT", "STOP", "ARRÊTER", "ARRÊTEZ", "DÉSABONNER", "DÉSABONNEMENT", "ME DÉSABONNER", "DÉSINSCRIRE"),
            *("DÉSINSCRIPTION", "ME DÉSINSCRIRE", "STOP SMS", "STOP PUB", "NE M'ÉCRIVEZ PLUS"),
        ),
        ("REPRENDRE", "DÉMARRER", "ABONNER", "RÉABONNER", "S'ABONNER", "M'ABONNER"),
        "Répondez ARRÊT pour ne plus recevoir de messages.",
        "Vous ne recevrez plus de messages de notre part. Répondez REPRENDRE pour en recevoir à nouveau.",
        "Bon retour : vous recevrez à nouveau nos messages. Répondez ARRÊT pour ne plus en recevoir.",
    ),
    "de": Language(
        "Deutsch",
        (
            *("STOPP", "STOP", "ABMELDEN", "ABBESTELLEN", "AUSTRAGEN", "ABMELDUNG", "BITTE ABMELDEN", "MICH ABMELDEN"),
            *("KEINE NACHRICHTEN MEHR", "BITTE KEINE NACHRICHTEN MEHR", "AUFHÖREN"),
        ),
        ("START", "ANMELDEN", "STARTEN", "WIEDER ANMELDEN"),
        "Antworten Sie STOPP, um sich abzumelden.",
        "Sie erhalten keine Nachrichten mehr von uns. Antworten Sie START, um sie wieder zu bekommen.",
        "Willkommen zurück: Sie erhalten wieder Nachrichten von uns. Antworten Sie STOPP, um sich abzumelden.",
    ),
    "nl": Language(
        "Nederlands",
        ("STOP", "AFMELDEN", "STOPPEN", "UITSCHRIJVEN", "AFMELDING", "MELD MIJ AF", "GEEN BERICHTEN MEER"),
        ("START", "AANMELDEN", "HERVATTEN", "INSCHRIJVEN"),
        "Antwoord STOP om u af te melden.",
        "U krijgt geen berichten meer van ons. Antwoord START om ze weer te krijgen.",
        "Welkom terug: u krijgt weer berichten van ons. Antwoord STOP om u af te melden.",
    ),
    "it": Language(
        "Italiano",
        (
            *("STOP", "DISISCRIVIMI", "DISISCRIVITI", "DISISCRIVERMI", "CANCELLAMI", "CANCELLATEMI", "DISISCRIZIONE"),
            *("ANNULLA ISCRIZIONE", "CANCELLA ISCRIZIONE", "NON SCRIVETEMI PIÙ", "SMETTETE DI SCRIVERMI"),
        ),
        ("START", "ISCRIVIMI", "RIPRENDI", "RIATTIVA"),
        "Rispondi STOP per non ricevere più messaggi.",
        "Non riceverai più i nostri messaggi. Rispondi START per riceverli di nuovo.",
        "Bentornato: riceverai di nuovo i nostri messaggi. Rispondi STOP per non riceverli più.",
    ),
    "tr": Language(
        "Türkçe",
        ("RET", "DURDUR", "ÇIKIŞ", "ABONELİKTEN ÇIK", "ÜYELİKTEN ÇIK", "MESAJ ATMAYIN", "MESAJ İSTEMİYORUM"),
        ("BAŞLA", "BAŞLAT", "ABONE OL", "DEVAM ET"),
        "Mesaj almak istemiyorsanız RET yazın.",
        "Artık bizden mesaj almayacaksınız. Yeniden almak için BAŞLA yazın.",
        "Tekrar hoş geldiniz: mesajlarımızı yeniden alacaksınız. Almak istemezseniz RET yazın.",
    ),
    "ru": Language(
        "Русский",
        ("СТОП", "ОТПИСАТЬСЯ", "ОТПИСКА", "ОТПИШИТЕ", "ОТПИШИТЕ МЕНЯ", "ОТПИСАТЬ", "НЕ ПИШИТЕ МНЕ", "НЕ ПИСАТЬ"),
        ("СТАРТ", "ПОДПИСАТЬСЯ", "ВОЗОБНОВИТЬ"),
        "Ответьте СТОП, чтобы отписаться.",
        "Вы больше не будете получать наши сообщения. Ответьте СТАРТ, чтобы получать их снова.",
        "С возвращением: вы снова будете получать наши сообщения. Ответьте СТОП, чтобы отписаться.",
    ),
    "uk": Language(
        "Українська",
        ("СТОП", "ВІДПИСАТИСЯ", "ВІДПИСКА", "ВІДПИШІТЬ МЕНЕ", "НЕ ПИШІТЬ МЕНІ"),
        ("СТАРТ", "ПІДПИСАТИСЯ", "ВІДНОВИТИ"),
        "Відповідайте СТОП, щоб відписатися.",
        "Ви більше не отримуватимете наших повідомлень. Відповідайте СТАРТ, щоб отримувати їх знову.",
        "З поверненням: ви знову отримуватимете наші повідомлення. Відповідайте СТОП, щоб відписатися.",
    ),
    "pl": Language(
        "Polski",
        ("STOP", "WYPISZ", "WYPISZ MNIE", "REZYGNUJĘ", "REZYGNACJA", "WYPISUJĘ SIĘ", "PROSZĘ NIE PISAĆ"),
        ("START", "ZAPISZ MNIE", "WZNÓW"),
        "Odpowiedz STOP, aby zrezygnować z wiadomości.",
        "Nie będziesz już otrzymywać naszych wiadomości. Odpowiedz START, aby znowu je otrzymywać.",
        "Witamy ponownie: znowu będziesz otrzymywać nasze wiadomości. Odpowiedz STOP, aby zrezygnować.",
    ),
    "ar": Language(
        "العربية",
        ("توقف", "إيقاف", "أوقف", "قف", "إلغاء الاشتراك", "الغي الاشتراك", "وقف الرسائل", "أوقفوا الرسائل", "ستوب"),
        ("ابدأ", "إعادة الاشتراك", "ستارت"),
        "أرسل توقف لإلغاء الاشتراك.",
        "لن تصلك رسائل منا بعد الآن. أرسل ابدأ لتصلك من جديد.",
        "مرحبًا بعودتك: ستصلك رسائلنا من جديد. أرسل توقف لإلغاء الاشتراك.",
    ),
    "fa": Language("فارسی", ("توقف", "لغو ۱۱", "لغو اشتراک", "پیام ندهید"), ("شروع", "عضویت مجدد")),
    "ur": Language("اردو", ("بند کریں", "روکیں", "پیغامات بند کریں"), ("شروع کریں", "دوبارہ شروع کریں")),
    "he": Language(
        "עברית",
        ("הסר", "הסרה", "עצור", "הפסק", "הסירו אותי", "תסירו אותי", "הסר אותי"),
        ("התחל", "הצטרף", "חזרה"),
        "השיבו הסר כדי להפסיק לקבל הודעות.",
        "לא תקבלו מאיתנו הודעות נוספות. השיבו התחל כדי לקבל אותן שוב.",
        "ברוכים השבים: תקבלו שוב את ההודעות שלנו. השיבו הסר כדי להפסיק.",
    ),
    "hi": Language(
        "हिन्दी",
        ("रोकें", "बंद करें", "बंद करो", "रोको", "स्टॉप", "सदस्यता समाप्त", "मैसेज बंद करो", "संदेश बंद करें"),
        ("शुरू", "शुरू करें", "शुरू करो", "स्टार्ट"),
        "संदेश बंद करने के लिए रोकें लिखकर भेजें।",
        "अब आपको हमारे संदेश नहीं मिलेंगे। फिर से पाने के लिए शुरू लिखकर भेजें।",
        "आपका फिर से स्वागत है: अब आपको हमारे संदेश फिर मिलेंगे। बंद करने के लिए रोकें लिखकर भेजें।",
    ),
    "bn": Language(
        "বাংলা",
        ("বন্ধ করুন", "স্টপ", "বন্ধ করো", "মেসেজ বন্ধ করুন"),
        ("শুরু করুন", "স্টার্ট"),
        "বার্তা বন্ধ করতে বন্ধ করুন লিখে পাঠান।",
        "আপনি আর আমাদের বার্তা পাবেন না। আবার পেতে শুরু করুন লিখে পাঠান।",
        "আবার স্বাগতম: আপনি আবার আমাদের বার্তা পাবেন। বন্ধ করতে বন্ধ করুন লিখে পাঠান।",
    ),
    "ta": Language("தமிழ்", ("நிறுத்து", "நிறுத்துங்கள்", "நிறுத்தவும்", "ஸ்டாப்"), ("தொடங்கு", "தொடங்கவும்")),
    "th": Language(
        "ไทย",
        ("หยุด", "เลิกรับ", "เลิกรับข่าวสาร", "ยกเลิกรับข่าวสาร", "ยกเลิกการรับข่าวสาร", "หยุดส่ง", "หยุดส่งข้อความ"),
        ("เริ่ม", "รับข่าวสาร", "สมัครรับข่าวสาร"),
        "ตอบ หยุด เพื่อเลิกรับข้อความ",
        "คุณจะไม่ได้รับข้อความจากเราอีก ตอบ เริ่ม เพื่อรับอีกครั้ง",
        "ยินดีต้อนรับกลับมา คุณจะได้รับข้อความจากเราอีกครั้ง ตอบ หยุด เพื่อเลิกรับข้อความ",
    ),
    "vi": Language(
        "Tiếng Việt",
        ("NGỪNG", "HỦY ĐĂNG KÝ", "DỪNG LẠI", "NGỪNG NHẬN TIN", "NGỪNG GỬI TIN", "NGỪNG NHẮN TIN", "ĐỪNG NHẮN TIN NỮA"),
        ("BẮT ĐẦU", "ĐĂNG KÝ", "ĐĂNG KÝ LẠI", "NHẬN TIN"),
        "Trả lời NGỪNG để không nhận tin nữa.",
        "Bạn sẽ không nhận tin nhắn của chúng tôi nữa. Trả lời BẮT ĐẦU để nhận lại.",
        "Chào mừng bạn trở lại: bạn sẽ lại nhận tin nhắn của chúng tôi. Trả lời NGỪNG để không nhận nữa.",
    ),
    "fil": Language(
        "Filipino",
        ("TIGIL", "ITIGIL", "HINTO", "IHINTO", "TIGILAN", "HUWAG NA MAG TEXT"),
        ("SIMULAN", "MAG SUBSCRIBE"),
        "Mag-reply ng TIGIL para hindi na makatanggap ng mensahe.",
        "Hindi ka na makakatanggap ng mensahe mula sa amin. Mag-reply ng SIMULAN para makatanggap muli.",
        "Maligayang pagbabalik: makakatanggap ka muli ng aming mga mensahe. Mag-reply ng TIGIL para tumigil.",
    ),
    "zh": Language(
        "中文",
        (
            "退订",
            "退訂",
            "停止",
            "停止发送",
            "停止發送",
            "取消订阅",
            "取消訂閱",
            "拒收",
            "别再发了",
            "不要再发了",
        ),
        ("开始", "開始", "订阅", "訂閱", "恢复订阅", "恢復訂閱"),
        "回复“退订”即可停止接收消息。",
        "您将不再收到我们的消息。回复“开始”可重新接收。",
        "欢迎回来：您将重新收到我们的消息。回复“退订”即可停止接收。",
    ),
    "ja": Language(
        "日本語",
        ("停止", "配信停止", "配信解除", "登録解除", "購読解除", "ストップ", "配信を停止", "送らないでください"),
        ("再開", "開始", "配信再開", "スタート"),
        "配信の停止をご希望の場合は「停止」とご返信ください。",
        "今後メッセージをお送りしません。再び受け取るには「再開」とご返信ください。",
        "お帰りなさい。再びメッセージをお送りします。停止するには「停止」とご返信ください。",
    ),
    "ko": Language(
        "한국어",
        (
            "수신거부",
            "중지",
            "수신 중지",
            "수신 해지",
            "구독 취소",
            "스톱",
            "스탑",
            "그만 보내세요",
            "보내지 마세요",
        ),
        ("시작", "수신동의", "수신 허용", "재개"),
        "수신을 원하지 않으시면 ‘수신거부’라고 답장해 주세요.",
        "더 이상 메시지를 보내지 않습니다. 다시 받으시려면 ‘시작’이라고 답장해 주세요.",
        "다시 오신 것을 환영합니다. 메시지를 다시 보내 드립니다. 원하지 않으시면 ‘수신거부’라고 답장해 주세요.",
    ),
    "sv": Language(
        "Svenska",
        ("STOPP", "STOP", "AVREGISTRERA", "AVREGISTRERA MIG", "AVPRENUMERERA", "SLUTA", "SLUTA SKICKA"),
        ("START", "STARTA", "PRENUMERERA"),
        "Svara STOPP för att avsluta prenumerationen.",
        "Du får inga fler meddelanden från oss. Svara START för att få dem igen.",
        "Välkommen tillbaka: du får våra meddelanden igen. Svara STOPP för att sluta få dem.",
    ),
    "nb": Language("Norsk", ("STOPP", "MELD AV", "MELD MEG AV", "AVMELD", "SLUTT Å SENDE"), ("START", "MELD PÅ")),
    "da": Language("Dansk", ("STOP", "AFMELD", "FRAMELD", "AFMELD MIG", "FRAMELD MIG"), ("START", "TILMELD")),
    "fi": Language("Suomi", ("LOPETA", "PERU TILAUS", "PERUUTA TILAUS", "LOPETTAKAA"), ("ALOITA", "TILAA")),
    "cs": Language(
        "Čeština", ("STOP", "ODHLÁSIT", "ODHLÁSIT SE", "ODHLASTE MĚ", "ZRUŠIT ODBĚR"), ("START", "PŘIHLÁSIT")
    ),
    "sk": Language("Slovenčina", ("STOP", "ODHLÁSIŤ", "ODHLÁSIŤ SA", "ODHLÁSTE MA", "ZRUŠIŤ ODBER"), ("PRIHLÁSIŤ",)),
    "hu": Language(
        "Magyar", ("LEIRATKOZÁS", "LEIRATKOZOM", "LEÁLLÍTÁS", "NE ÍRJANAK"), ("FELIRATKOZÁS", "FELIRATKOZOM")
    ),
    "ro": Language("Română", ("DEZABONARE", "DEZABONEAZĂ MĂ", "OPREȘTE", "OPRIȚI"), ("ABONARE", "PORNEȘTE")),
    "bg": Language("Български", ("СТОП", "ОТПИСВАНЕ", "ОТПИШЕТЕ МЕ", "ОТКАЗ ОТ АБОНАМЕНТ"), ("СТАРТ", "АБОНИРАНЕ")),
    "hr": Language("Hrvatski, srpski", ("ODJAVI ME", "ODJAVITE ME", "ОДЈАВИ МЕ"), ("PRIJAVI ME", "ПРИЈАВИ МЕ")),
    "el": Language(
        "Ελληνικά", ("ΣΤΟΠ", "ΔΙΑΓΡΑΦΗ", "ΑΠΕΓΓΡΑΦΗ", "ΚΑΤΑΡΓΗΣΗ ΕΓΓΡΑΦΗΣ", "ΣΤΑΜΑΤΗΣΤΕ"), ("ΕΝΑΡΞΗ", "ΕΓΓΡΑΦΗ ΞΑΝΑ")
    ),
    "sw": Language("Kiswahili", ("SIMAMISHA", "KOMESHA", "NIONDOE", "JIONDOE"), ("ANZA", "JIUNGE")),
    "am": Language("አማርኛ", ("አቁም", "አቁሙ", "ይቁም"), ("ጀምር", "ቀጥል")),
}

# The language of the texts where an organization names none: that of most people with such numbers.
OF_REGION = {
    **dict.fromkeys(("ID",), "id"),
    **dict.fromkeys(("MY", "BN"), "ms"),
    **dict.fromkeys(("BR", "PT", "AO", "MZ"), "pt"),
    **dict.fromkeys(
        (
            *(
                "ES",
                "MX",
                "AR",
                "CO",
                "CL",
                "PE",
                "VE",
                "EC",
                "GT",
                "CU",
                "BO",
                "DO",
                "HN",
                "PY",
                "SV",
                "NI",
                "CR",
                "PA",
            ),
            *("UY", "GQ"),
        ),
        "es",
    ),
    **dict.fromkeys(("FR", "BE", "SN", "CI", "ML", "BF", "NE", "TG", "BJ", "GA", "CG", "CD", "MC", "LU", "HT"), "fr"),
    **dict.fromkeys(("DE", "AT", "CH", "LI"), "de"),
    **dict.fromkeys(("NL", "SR"), "nl"),
    **dict.fromkeys(("IT", "SM", "VA"), "it"),
    **dict.fromkeys(("TR",), "tr"),
    **dict.fromkeys(("RU", "BY", "KZ", "KG"), "ru"),
    **dict.fromkeys(("UA",), "uk"),
    **dict.fromkeys(("PL",), "pl"),
    **dict.fromkeys(
        (
            *(
                "SA",
                "AE",
                "EG",
                "MA",
                "DZ",
                "TN",
                "IQ",
                "JO",
                "LB",
                "SY",
                "KW",
                "QA",
                "BH",
                "OM",
                "YE",
                "LY",
                "SD",
                "PS",
            ),
            "MR",
        ),
        "ar",
    ),
    **dict.fromkeys(("IL",), "he"),
    **dict.fromkeys(("BD",), "bn"),
    **dict.fromkeys(("TH",), "th"),
    **dict.fromkeys(("VN",), "vi"),
    **dict.fromkeys(("CN", "TW", "HK", "MO"), "zh"),
    **dict.fromkeys(("JP",), "ja"),
    **dict.fromkeys(("KR",), "ko"),
    **dict.fromkeys(("SE",), "sv"),
}


def with_texts() -> dict[str, str]:
    """The languages that texts are offered in, code to name."""
    return {code: language.name for code, language in LANGUAGES.items() if language.unsubscribe}
