// The theme makes a landmark without a name of every block's buttons, and tables that scroll cannot be reached by keys.
const mend = () => {
  document.querySelectorAll("nav.md-code__nav").forEach((buttons, n) => (buttons.ariaLabel = `Code ${n + 1}`));
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((table) => (table.tabIndex = 0));
};
new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
