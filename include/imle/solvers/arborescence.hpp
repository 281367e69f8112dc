#pragma once

/// @file
/// The best dependency tree: each word hangs from another word or is a root.
///
/// Edmonds, "Optimum branchings" (1967), in the O(n^2) form of Tarjan, "Finding optimum branchings" (1977)
/// for dense graphs: a path of best incoming arcs grows from any node, and a cycle that it closes becomes one
/// node. The scores of the arcs into that node are those into its members, less the score of the arc that
/// each member has in the cycle. In the end the cycles are opened again, the last one first.
///
/// A single root is a matter of order, not of a large penalty: arcs from the root are compared with one
/// another, and only where no other arc is left. (Scores are pairs, compared lexicographically; the first
/// number is minus 1 for an arc from the root. So no digit of theta is lost.)

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <imle/simd/lanes.hpp>
#include <imle/solvers/dependency_words.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Finds the best tree for one matrix of scores after another, in the same memory.
///
/// Nodes are the words, numbered from 0, and the cycles that became one node, numbered from there on in the
/// order in which they were found. Number i of a node's column is the score of the best arc from word i into
/// the node; if word i is a member, of the arc from the root to word i.
class best_branching {
  public:
    /// The scores of a tree over `words` words need this many columns.
    [[nodiscard]] static int columns(int words) noexcept { return std::max(2 * words - 1, 0); }

    /// Finds the heads of all words. False if there is no tree of allowed arcs.
    [[nodiscard]] bool solve(dependency_scores& scores, roots wanted) {
        scores_ = &scores;
        words_ = nodes_ = scores.words();
        single_ = wanted == roots::single;
        has_root_ = false;
        const auto most = static_cast<std::size_t>(columns(scores.most_words()));
        const auto count = static_cast<std::size_t>(scores.most_words());
        value_ = scratch_.get<double>(most + count).data();
        root_score_ = value_ + most;
        int* next = scratch_.get<int>(8 * most + 2 * count).data();
        for (int** array :
             {&head_, &parent_, &first_child_, &sibling_, &toward_root_, &place_, &path_, &begin_}) {
            *array = next;
            next += most;
        }
        node_of_ = next;
        path_words_ = next + count;
        // Of all nodes, also those that cycles will become: they lie one after the other.
        std::fill_n(parent_, 4 * most, -1);
        std::fill_n(place_, most, unseen);
        for (int word = 0; word < words_; ++word) {
            node_of_[word] = word;
            double* const column = scores.column(word);
            root_score_[word] = column[word];
            if (single_) column[word] = dependency_scores::forbidden;
        }
        choose_for_words();
        if (single_ && greedy_is_tree()) return true;
        for (int word = 0; word < words_; ++word)
            if (place_[node_of_[word]] != finished && !grow_from(node_of_[word])) return false;
        for (int node = nodes_; node-- > words_;) open(node);
        return true;
    }

    /// The word from which a word hangs; itself if it is a root. Once solved.
    [[nodiscard]] int head_of(int word) const noexcept { return head_[word]; }

  private:
    using vector =
        vector_lanes<double, std::min<std::size_t>(dependency_scores::block, widest_lanes<double>::size)>;
    static constexpr int width = static_cast<int>(vector::size);
    static constexpr int unseen = -1;
    static constexpr int finished = -2;

    /// The best arc into each word, for `width` words at a time, with a lane for each.
    void choose_for_words() noexcept {
        int word = 0;
        if constexpr (width > 1)
            for (; word + width <= words_; word += width) {
                const auto column = [&](std::size_t lane) {
                    return scores_->column(word + static_cast<int>(lane));
                };
                vector best(dependency_scores::forbidden), head(0), here(0);
                for (int first = 0; first < scores_->stride(); first += width) {
                    vector_of<double, vector::size> scores[vector::size];
                    look_up<vector>([&](std::size_t lane) { return column(lane) + first; }, scores);
#pragma GCC unroll 8
                    for (std::size_t i = 0; i < vector::size; ++i, here = here + vector(1)) {
                        const vector score = vector::of(scores[i]);
                        head = select(less(best, score), here, head);
                        best = maximum(score, best);
                    }
                }
                double heads[width];
                best.store(value_ + word);
                head.store(heads);
                for (int lane = 0; lane < width; ++lane) head_[word + lane] = static_cast<int>(heads[lane]);
            }
        for (; word < words_; ++word) choose(word);
    }

    /// The best arc into a node: the first of equal ones.
    void choose(int node) noexcept {
        const double* const column = scores_->column(node);
        double first[width];
        for (int lane = 0; lane < width; ++lane) first[lane] = lane;
        vector here = vector::load(first), best = vector::load(column), index = here;
        for (int i = width; i < scores_->stride(); i += width) {
            here = here + vector(double{width});
            const vector score = vector::load(column + i);
            index = select(less(best, score), here, index);
            best = maximum(score, best);
        }
        const vector most = across(best, [](vector a, vector b) { return maximum(a, b); });
        value_[node] = most.first();
        head_[node] = lowest_place_of(most, best, index);
    }

    /// Whether each word's best head, or the root, gives a tree with one root; then it is the best one.
    [[nodiscard]] bool greedy_is_tree() noexcept {
        int root = -1;
        for (int word = 0; word < words_; ++word) {
            const double as_root = root_score_[word], value = value_[word];
            if (std::max(as_root, value) == dependency_scores::forbidden) return false;
            if (as_root < value || (as_root == value && head_[word] < word)) continue;
            if (root >= 0) return false;
            root = word;
        }
        if (root < 0) return false;
        // mark[w] is the last word from which a walk to the root passed w.
        int* const mark = path_;
        std::fill_n(mark, words_, -1);
        mark[root] = words_;
        for (int word = 0; word < words_; ++word) {
            int at = word;
            for (; mark[at] < 0; at = head_[at]) mark[at] = word;
            if (mark[at] == word) return false;
            for (at = word; mark[at] == word; at = head_[at]) mark[at] = words_;
        }
        head_[root] = root;
        return true;
    }

    /// Follows the best arcs from a node back to the root or to a node that hangs from it already. False if
    /// that is impossible.
    [[nodiscard]] bool grow_from(int node) noexcept {
        int length = 0;
        end_ = 0;
        const auto push = [&](int next) {
            place_[next] = length;
            path_[length++] = next;
            // A node that is met for the first time is a word: cycles are made on the path.
            if (next < words_) {
                begin_[next] = end_;
                path_words_[end_++] = next;
            }
        };
        push(node);
        while (true) {
            node = path_[length - 1];
            if (value_[node] == dependency_scores::forbidden) {
                if (!single_ || has_root_ || !take_root(node)) return false;
                has_root_ = true;
                break;
            }
            const int from = node_of_[head_[node]];
            if (from == node) {
                mark_way_to(head_[node], node);
                break;
            }
            if (place_[from] == finished) break;
            if (place_[from] == unseen) {
                push(from);
                continue;
            }
            const int start = place_[from];
            const int cycle = contract(path_ + start, length - start);
            length = start;
            push(cycle);
        }
        for (int i = 0; i < length; ++i) place_[path_[i]] = finished;
        return true;
    }

    /// Makes one node of a cycle at the end of the path, and chooses its best arc.
    int contract(const int* members, int count) noexcept {
        const int cycle = nodes_++;
        double* const column = scores_->column(cycle);
        // Two members at a time, the last one twice if it has no partner.
        for (int m = 0; m < count; m += 2) {
            const int one = members[m], other = members[std::min(m + 1, count - 1)];
            const double *const of_one = scores_->column(one), *const of_other = scores_->column(other);
            const vector value(value_[one]), other_value(value_[other]);
            const auto best_at = [&](int i) {
                return maximum(vector::load(of_one + i) - value, vector::load(of_other + i) - other_value);
            };
            if (m == 0)
                for (int i = 0; i < scores_->stride(); i += width) best_at(i).store(column + i);
            else
                for (int i = 0; i < scores_->stride(); i += width)
                    maximum(vector::load(column + i), best_at(i)).store(column + i);
        }
        for (int m = 0; m < count; ++m) {
            const int member = members[m];
            parent_[member] = cycle;
            if (m + 1 < count) sibling_[member] = members[m + 1];
            const double value = value_[member];
            const int end = m + 1 < count ? begin_[members[m + 1]] : end_;
            for (int place = begin_[member]; place < end; ++place) {
                const int word = path_words_[place];
                root_score_[word] -= value;
                column[word] = single_ ? dependency_scores::forbidden : root_score_[word];
                node_of_[word] = cycle;
            }
        }
        first_child_[cycle] = members[0];
        begin_[cycle] = begin_[members[0]];
        choose(cycle);
        return cycle;
    }

    /// Makes the best word of the path's last node the root: the first of equal ones. False if none may be.
    [[nodiscard]] bool take_root(int node) noexcept {
        int best = -1;
        for (int place = begin_[node]; place < end_; ++place) {
            const int word = path_words_[place];
            const double score = root_score_[word];
            if (score != dependency_scores::forbidden &&
                (best < 0 || score > root_score_[best] || (score == root_score_[best] && word < best)))
                best = word;
        }
        if (best < 0) return false;
        head_[node] = best;
        mark_way_to(best, node);
        return true;
    }

    /// Notes which members of a node contain the word that becomes a root.
    void mark_way_to(int word, int node) noexcept {
        for (int at = word; at != node; at = parent_[at]) toward_root_[parent_[at]] = at;
    }

    /// Opens a cycle: the arc into it replaces the arc of one of its members.
    void open(int cycle) noexcept {
        const int head = head_[cycle];
        int entered = toward_root_[cycle];
        if (entered < 0) {
            double best = dependency_scores::forbidden;
            for (int member = first_child_[cycle]; member >= 0; member = sibling_[member]) {
                const double score = scores_->column(member)[head] - value_[member];
                if (entered >= 0 && !(score > best)) continue;
                best = score;
                entered = member;
            }
        }
        head_[entered] = head;
    }

    dependency_scores* scores_ = nullptr;
    int words_ = 0;
    int nodes_ = 0;
    bool single_ = true;
    bool has_root_ = false;
    int end_ = 0;  // how many words are on the path
    // Set by `solve`, into the scratch. Of each node:
    double* value_ = nullptr;     // the score of the arc that it has
    int* head_ = nullptr;         // the word from which that arc comes
    int* parent_ = nullptr;       // the cycle that it belongs to, or -1
    int* first_child_ = nullptr;  // of a cycle, a member
    int* sibling_ = nullptr;      // the next member of the same cycle, or -1
    int* toward_root_ = nullptr;  // of a cycle, the member with the root in it, or -1
    int* place_ = nullptr;        // in the path, or unseen, or finished
    int* path_ = nullptr;         // the nodes on the path
    int* begin_ = nullptr;        // on the path, where its words begin; they end where the next ones begin
    // Of each word:
    double* root_score_ = nullptr;  // as a root, less what its cycles have subtracted
    int* node_of_ = nullptr;        // the node that it is in
    int* path_words_ = nullptr;     // the words on the path, node by node
    basic_scratch<double, int> scratch_;
};

}  // namespace detail

/// The MAP state of a distribution over dependency trees of n words: z [n, n] has one 1 in each column. z(i,
/// j) = 1 if word j hangs from word i; z(j, j) = 1 if word j is a root. theta [n, n] has the scores of these
/// choices (the convention of pytorch-struct), and z the largest sum of them. Trees need not be projective.
///
///     imle::arborescence parser{imle::arborescence_options{.roots = imle::roots::any}};
///
/// Exactly one word is a root, unless the options allow any number. Two words have 2 trees with a single root
/// and 3 with any number of roots.
///
/// Edmonds' algorithm in the form of Tarjan: O(n^2) time and memory. It computes in double for float too, so
/// that both have the same answer. The answer is optimal up to the rounding of n additions of doubles; no sum
/// overflows.
///
/// Ties: where the head of largest score of each word, of equal ones the lowest index (a word's own index
/// stands for the root), makes a tree with as many roots as are wanted, that tree is the answer. Elsewhere
/// which one it is depends on all of theta, but neither on the layout nor on words that a mask leaves out.
///
/// A mask forbids arcs and roots. A word whose row and column are forbidden is not there, and z is 0 in both:
/// so sentences of different lengths fit in one batch. If no tree is left: `solve_status::infeasible`.
///
/// Throws `std::invalid_argument` for a theta that is not square, for more than 8192 words and for numbers
/// that are not finite.
class arborescence {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// Throws `std::invalid_argument` for an option that is not one of `roots`.
    explicit arborescence(const arborescence_options& options = {}) : options_(options) {
        detail::require_valid(options.roots);
    }

    /// The options.
    [[nodiscard]] const arborescence_options& options() const noexcept { return options_; }

    /// theta: one instance [n, n]; z: a tensor of its dimensions, which is written in full. z is the best
    /// tree of arcs that the context's mask allows.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        detail::require_dimensions(theta, z);
        scores_.read(theta, context, max_words, detail::best_branching::columns);
        if constexpr (std::is_same_v<scalar_of<ThetaT>, double>) scores_.make_room_for_sums();
        std::fill_n(z.data(), z.size(), scalar_of<ThetaT>(0));
        if (!tree_.solve(scores_, options_.roots)) return solve_status::infeasible;
        for (int word = 0; word < scores_.words(); ++word)
            z.data()[scores_.place(tree_.head_of(word), word)] = 1;
        return solve_status::solved;
    }

  private:
    static constexpr Eigen::Index max_words = 8192;  // scores of 1 GiB

    arborescence_options options_;
    detail::dependency_scores scores_;
    detail::best_branching tree_;
};

}  // namespace imle::inline IMLE_ABI
