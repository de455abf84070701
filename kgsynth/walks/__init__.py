"""The walks room: the law, the draws, the engines that walk, and the combinations that walks give."""
