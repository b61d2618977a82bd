// The theme keeps light or dark on the body; drawings look for it on the root.
const follow = () => {
  document.documentElement.dataset.theme = document.body.dataset.theme || "auto";
};
document.addEventListener("DOMContentLoaded", () => {
  follow();
  new MutationObserver(follow).observe(document.body, { attributeFilter: ["data-theme"] });
});
