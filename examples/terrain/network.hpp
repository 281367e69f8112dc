#pragma once

/// @file
/// The network: maps a picture to a number for each tile. Only model.cpp includes this header, because it
/// needs libtorch.

#include <utility>

#include <torch/torch.h>

namespace terrain {

/// A small convolutional network, like the paper's made of the first layers of a ResNet: three strides of 2
/// reduce 8 x 8 pixels to one tile, residual blocks let tiles use information from each other, and a 1 x 1
/// convolution computes one number per tile.
///
/// With three blocks, dilated by 1, 2 and 4, a tile sees the whole map.
class network_impl : public torch::nn::Module {
  public:
    explicit network_impl(int blocks) {
        add(3, width, 5);
        add(width, 2 * width, 3);
        add(2 * width, 2 * width, 3);
        register_module("strides", strides_);
        for (int i = 0; i < blocks; ++i) blocks_->push_back(residual_block(1 << (i % 3)));
        register_module("blocks", blocks_);
        head_ = register_module("head", torch::nn::Conv2d(torch::nn::Conv2dOptions(2 * width, 1, 1)));
    }

    /// pictures: [batch, 3, 96, 96], from -1 to 1; returns [batch, 12, 12].
    [[nodiscard]] torch::Tensor forward(const torch::Tensor& pictures) {
        torch::Tensor tiles = strides_->forward(pictures);
        for (const auto& block : *blocks_)
            tiles = torch::relu(tiles + block->as<torch::nn::Sequential>()->forward(tiles));
        return head_->forward(tiles).squeeze(1);
    }

  private:
    static constexpr int width = 8;

    void add(int channels_in, int channels_out, int size) {
        strides_->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(channels_in, channels_out, size)
                                                  .stride(2)
                                                  .padding(size / 2)
                                                  .bias(false)));
        strides_->push_back(torch::nn::BatchNorm2d(channels_out));
        strides_->push_back(torch::nn::ReLU());
    }

    [[nodiscard]] static torch::nn::Sequential residual_block(int dilation) {
        const auto convolution = torch::nn::Conv2dOptions(2 * width, 2 * width, 3)
                                     .padding(dilation)
                                     .dilation(dilation)
                                     .bias(false);
        return torch::nn::Sequential(torch::nn::Conv2d(convolution), torch::nn::BatchNorm2d(2 * width),
                                     torch::nn::ReLU(), torch::nn::Conv2d(convolution),
                                     torch::nn::BatchNorm2d(2 * width));
    }

    torch::nn::Sequential strides_;
    torch::nn::ModuleList blocks_;
    torch::nn::Conv2d head_{nullptr};
};

TORCH_MODULE_IMPL(network, network_impl);

}  // namespace terrain
