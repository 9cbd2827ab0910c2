// The emoji picker with its data beside it: nothing is fetched from elsewhere. Loaded when somebody wants it.

import Picker from "emoji-picker-element/picker.js";
import data from "emoji-picker-element-data/en/emojibase/data.json";

export function picker() {
  const made = new Picker({ dataSource: new URL(data, import.meta.url).href, locale: "en" });
  const theme = document.documentElement.dataset.bsTheme;
  if (theme) made.classList.add(theme);
  return made;
}
