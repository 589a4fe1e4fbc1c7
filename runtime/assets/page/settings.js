// The search over the settings: what does not hold the words, in any language or by its name, is hidden.
(() => {
  const search = (words) => {
    const wanted = words.trim().toLowerCase();
    for (const section of document.querySelectorAll("#settings .gesso-section")) {
      let any = false;
      for (const one of section.querySelectorAll("[id^=setting_]")) {
        const found = !wanted || `${one.id.slice(8)} ${one.textContent}`.toLowerCase().includes(wanted);
        one.style.display = found ? "" : "none";
        any ||= found;
      }
      section.style.display = any ? "" : "none";
    }
  };
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("#settings_search")) search(event.target.value);
  });
})();
