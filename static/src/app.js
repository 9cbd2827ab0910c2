// Everything a page needs in the browser, in one bundle.

import "@tabler/core/dist/js/tabler.esm.min.js";
import Alpine from "@alpinejs/csp";
import "htmx.org";
import "htmx.org/dist/ext/hx-alpine-compat.js";

import campaignLive from "./components/campaign_live.js";
import campaignReport from "./components/campaign_report.js";
import importForms from "./components/import_forms.js";
import importLive from "./components/import_live.js";
import messageEditor from "./components/message_editor.js";
import stepForm from "./components/step_form.js";
import "./dialogs.js";
import "./forms.js";
import "./live.js";
import "./server.js";
import "./theme_choice.js";
import "./components/variants_form.js";
import "./whatsapp_text.js";

// Alpine components: each module exports a function that registers one.
const components = [campaignLive, campaignReport, importForms, importLive, messageEditor, stepForm];

window.Alpine = Alpine; // the bridge between htmx and Alpine looks for it here
components.forEach((register) => register(Alpine));
Alpine.start();
